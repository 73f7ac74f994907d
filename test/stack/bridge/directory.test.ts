/** The directory against a real ZooKeeper and Kafka: what one bridge imports, what all bridges see and refuse. */
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { mailboxPath, mailPath } from "../../../core/wire/directory.ts";
import { INTERNAL_KIND, InternalStore } from "../../../core/wire/store.ts";
import { testDirectory, testZooKeeper } from "../../support/bridge-parts.ts";
import { freshName } from "../../support/cluster.ts";
import { type Placed, TestTenant, testIdentity } from "../../support/signed-tenant.ts";

const tag = Buffer.alloc(32, 3);
const SOON = { timeout: 30_000, interval: 10 };

let identity: string;
beforeAll(async () => {
  identity = await testIdentity();
});

/** A tenant of one test's own. */
function newTenant(): TestTenant {
  return new TestTenant(freshName("t"));
}

function pump(tenant: TestTenant, serial: number): Placed[] {
  return [
    tenant.enrolment("pump", serial),
    tenant.grants("pump", serial, [{ tag }]),
    tenant.cert("pump", serial),
  ];
}

describe("import", () => {
  test("reaches another bridge, and is idempotent", async () => {
    const tenant = newTenant();
    const login = { tenant: tenant.name, client: "pump" };
    const { directory: one } = await testDirectory([tenant], identity);
    const { directory: two } = await testDirectory([tenant], identity);
    expect(one.tenant(tenant.name)).toBeNull();
    const begun = vi.fn();
    two.onTenant(begun);

    const documents = [await tenant.head(identity, 1), ...pump(tenant, 2)];
    expect(one.changes).toBe(0);
    expect(await one.import(documents)).toEqual({ accepted: 4, unchanged: 0 });
    // The head, and what says something of a client: nobody may keep what was said before.
    const { changes } = one;
    expect(changes).toBeGreaterThan(1);
    expect(one.client(login)?.grants.size).toBe(1);
    await vi.waitFor(() => expect(two.client(login)?.cert).not.toBeNull(), SOON);
    await vi.waitFor(() => expect(two.client(login)?.grants.size).toBe(1), SOON);
    expect(begun).toHaveBeenCalledTimes(1);
    expect(await one.import(documents)).toEqual({ accepted: 0, unchanged: 4 });
    expect(one.changes).toBe(changes);
    expect(await two.import(documents)).toEqual({ accepted: 0, unchanged: 4 });
    expect(one.ageMs()).toBeLessThan(30_000);
    expect(one.ageMs(tenant.name)).toBeLessThan(30_000);
    expect(one.ageMs("nobody")).toBe(Infinity);
    await one.import([tenant.enrolment("pump", 3, { status: "revoked" })]);
    expect(one.changes).toBe(changes + 1);
  });

  test("default deny: only an active client's grant, for its operation, in its time", async () => {
    const tenant = newTenant();
    const { directory } = await testDirectory([tenant], identity);
    const grant = { tag, ops: ["sub"] as const, nbf: 1_000, exp: 2_000 };
    await directory.import([
      await tenant.head(identity, 1),
      tenant.enrolment("pump", 2),
      tenant.grants("pump", 2, [grant]),
    ]);
    const client = directory.client({ tenant: tenant.name, client: "pump" });
    if (!client) throw new Error("not there");
    expect(directory.allows(client, "sub", tag, 1_000)).toBe(true);
    expect(directory.allows(client, "sub", tag, 1_999)).toBe(true);
    expect(directory.allows(client, "sub", tag, 999)).toBe(false);
    expect(directory.allows(client, "sub", tag, 2_000)).toBe(false);
    expect(directory.allows(client, "pub", tag, 1_500)).toBe(false);
    expect(directory.allows(client, "sub", Buffer.alloc(32), 1_500)).toBe(false);
    expect(directory.allows({ ...client, status: "revoked" }, "sub", tag, 1_500)).toBe(false);
  });

  test("refuses a bundle whole, with all its problems", async () => {
    const tenant = newTenant();
    const stranger = newTenant();
    const { directory, zookeeper } = await testDirectory([tenant], identity);
    await directory.import([await tenant.head(identity, 1)]);
    const [good, grants] = pump(tenant, 2);
    const forged = new TestTenant(tenant.name).enrolment("forged", 2);
    const elsewhere = stranger.enrolment("pump", 2);
    if (!good || !grants) throw new Error("no documents");
    const wrong = [
      good,
      grants,
      forged,
      elsewhere,
      { path: "/brokers/ids/1", document: good.document },
    ];
    const refused = directory.import(wrong);
    await expect(refused).rejects.toMatchObject({ code: "BAD_DOCUMENT" });
    await expect(refused).rejects.toThrow(/clients\/forged: .*\n?/);
    await expect(refused).rejects.toThrow(/document 4: .*tenant/);
    await expect(refused).rejects.toThrow(/document 5: /);
    await expect(directory.import([good, good])).rejects.toMatchObject({ code: "BAD_DOCUMENT" });
    expect(directory.client({ tenant: tenant.name, client: "pump" })).toBeNull();
    expect(await zookeeper.exists(good.path)).toBe(false);
  });

  test("needs the head first, and takes it in the same bundle", async () => {
    const tenant = newTenant();
    const { directory } = await testDirectory([tenant], identity);
    await expect(directory.import(pump(tenant, 2))).rejects.toThrow(
      /head has to be imported first/,
    );
    const bundle = [...pump(tenant, 2), await tenant.head(identity, 1)];
    expect(await directory.import(bundle)).toEqual({ accepted: 4, unchanged: 0 });
  });

  test("refuses a head with another bridge key", async () => {
    const tenant = newTenant();
    const { directory } = await testDirectory([tenant], identity);
    await directory.import([await tenant.head(identity, 1)]);
    const other = await tenant.head(identity, 2, { bridgeKey: Buffer.alloc(32, 1) });
    await expect(directory.import([other])).rejects.toThrow(/another bridge key/);
    expect(await directory.import([await tenant.head(identity, 3)])).toMatchObject({ accepted: 1 });
  });

  test("puts back what ZooKeeper lost", async () => {
    const tenant = newTenant();
    const { directory, zookeeper } = await testDirectory([tenant], identity);
    const [enrolment] = pump(tenant, 2);
    if (!enrolment) throw new Error("no document");
    await directory.import([await tenant.head(identity, 1), enrolment]);
    await zookeeper.delete(enrolment.path);
    expect(await directory.import([enrolment])).toEqual({ accepted: 1, unchanged: 0 });
    expect((await zookeeper.get(enrolment.path))?.data.equals(enrolment.document)).toBe(true);
  });

  test("a thousand clients at once, and all are there after a restart", async () => {
    const tenant = newTenant();
    const first = await testDirectory([tenant], identity);
    const clients = Array.from({ length: 1_000 }, (_, n) => `c${n}`);
    const documents = clients.flatMap((client) => [
      tenant.enrolment(client, 2),
      tenant.grants(client, 2, [{ tag }]),
      tenant.cert(client, 2),
    ]);
    const bundle = [await tenant.head(identity, 1), ...documents];
    expect(await first.directory.import(bundle)).toEqual({ accepted: 3_001, unchanged: 0 });
    const { directory } = await testDirectory([tenant], identity);
    for (const client of clients) {
      const found = directory.client({ tenant: tenant.name, client });
      expect(found?.grants.size).toBe(1);
      expect(found?.cert).not.toBeNull();
    }
  });
});

describe("a document in ZooKeeper", () => {
  test("that was tampered with is refused, and the last good one stays", async () => {
    const tenant = newTenant();
    const { directory, zookeeper, lines } = await testDirectory([tenant], identity);
    const login = { tenant: tenant.name, client: "pump" };
    const documents = pump(tenant, 2);
    await directory.import([await tenant.head(identity, 1), ...documents]);
    const before = directory.client(login);
    const [enrolment] = documents;
    if (!enrolment) throw new Error("no document");
    const tampered = Buffer.from(enrolment.document);
    tampered.writeUInt8(tampered.readUInt8(200) ^ 1, 200);
    await zookeeper.put(enrolment.path, tampered);
    const refusals = () => lines.filter(({ err }) => err?.code === "BAD_DOCUMENT");
    await vi.waitFor(() => expect(refusals()).toHaveLength(1), SOON);
    expect(refusals()[0]?.path).toBe(enrolment.path);
    expect(directory.client(login)?.halves).toEqual(before?.halves);

    // It harms nobody else, and the next good one counts.
    await directory.import([
      tenant.enrolment("fan", 3),
      tenant.enrolment("pump", 4, { signs: true }),
    ]);
    expect(directory.client({ ...login, client: "fan" })?.status).toBe("active");
    expect(directory.client(login)?.signs).toBe(true);
  });

  test("that was rolled back is refused, also after a restart", async () => {
    const tenant = newTenant();
    const login = { tenant: tenant.name, client: "pump" };
    const running = await testDirectory([tenant], identity);
    const old = tenant.enrolment("pump", 2);
    await running.directory.import([await tenant.head(identity, 1), old]);
    await running.directory.import([tenant.enrolment("pump", 3, { status: "revoked" })]);
    await running.zookeeper.put(old.path, old.document);
    const refusals = () => running.lines.filter(({ err }) => err?.code === "ROLLED_BACK");
    await vi.waitFor(() => expect(refusals()).toHaveLength(1), SOON);
    expect(running.directory.client(login)?.status).toBe("revoked");

    const restarted = await testDirectory([tenant], identity);
    expect(restarted.lines.filter(({ err }) => err?.code === "ROLLED_BACK")).toHaveLength(1);
    expect(restarted.directory.client(login)).toBeNull();
    await expect(restarted.directory.import([old])).rejects.toMatchObject({ code: "ROLLED_BACK" });
    const twin = tenant.enrolment("pump", 3);
    await expect(restarted.directory.import([twin])).rejects.toMatchObject({ code: "ROLLED_BACK" });
  });

  test("also a head", async () => {
    const tenant = newTenant();
    const running = await testDirectory([tenant], identity);
    const old = await tenant.head(identity, 1);
    await running.directory.import([old]);
    await running.directory.import([await tenant.head(identity, 5)]);
    await running.zookeeper.put(old.path, old.document);
    const { directory } = await testDirectory([tenant], identity);
    expect(directory.tenant(tenant.name)).toBeNull();
    await directory.import([await tenant.head(identity, 6)]);
    expect(directory.tenant(tenant.name)).not.toBeNull();
  });

  test("written by a bridge that died before it recorded the floor counts, and others record it", async () => {
    const tenant = newTenant();
    const login = { tenant: tenant.name, client: "pump" };
    const { directory, zookeeper, access } = await testDirectory([tenant], identity);
    const older = tenant.enrolment("pump", 2);
    await directory.import([await tenant.head(identity, 1), older]);
    const topic = new InternalStore(tenant.bridgeKey).topicName(INTERNAL_KIND.directory);
    const floorsWritten = async () => (await access.admin.listOffsets(topic))[0]?.high ?? 0n;
    const before = await floorsWritten();

    // As if another bridge had died between its two writes: no client is locked out.
    const newer = tenant.enrolment("pump", 3, { signs: true });
    await zookeeper.put(newer.path, newer.document);
    await vi.waitFor(() => expect(directory.client(login)?.signs).toBe(true), SOON);
    await expect.poll(floorsWritten).toBeGreaterThan(before);
    await zookeeper.put(older.path, older.document);
    const restarted = await testDirectory([tenant], identity);
    expect(restarted.directory.client(login)).toBeNull();
    expect(restarted.lines.filter(({ err }) => err?.code === "ROLLED_BACK")).toHaveLength(1);
  });

  test("that is gone takes nothing away", async () => {
    const tenant = newTenant();
    const { directory, zookeeper, lines } = await testDirectory([tenant], identity);
    await directory.import([await tenant.head(identity, 1), ...pump(tenant, 2)]);
    for (const { path } of [...pump(tenant, 2)].reverse()) await zookeeper.delete(path);
    await vi.waitFor(() => expect(lines.some(({ msg }) => msg.includes("gone"))).toBe(true), SOON);
    const client = directory.client({ tenant: tenant.name, client: "pump" });
    expect(client?.status).toBe("active");
    expect(client?.grants.size).toBe(1);
  });
});

test("a revocation comes into force at two other bridges", async () => {
  const tenant = newTenant();
  const login = { tenant: tenant.name, client: "pump" };
  const importing = await testDirectory([tenant], identity);
  const others = [await testDirectory([tenant], identity), await testDirectory([tenant], identity)];
  await importing.directory.import([await tenant.head(identity, 1), ...pump(tenant, 2)]);
  for (const { directory } of others)
    await vi.waitFor(() => expect(directory.client(login)?.status).toBe("active"), SOON);
  const told = others.map(
    ({ directory }) =>
      new Promise<void>((resolve) => {
        const stop = directory.onClientChange(({ before, after }) => {
          if (before?.status === "active" && after?.status === "revoked") resolve();
        });
        onTestFinished(stop);
      }),
  );
  await importing.directory.import([tenant.enrolment("pump", 3, { status: "revoked" })]);
  await Promise.all(told);
  const [other] = others;
  const client = other?.directory.client(login);
  expect(client?.halves.size).toBe(0);
  expect(client?.grants.size).toBe(1);
});

test("Kafka and ZooKeeper learn no K_b, no tag and no client's secret from it", async () => {
  const tenant = newTenant();
  const { directory, access } = await testDirectory([tenant], identity);
  const halves = { tag: Buffer.alloc(256, 0x5a) };
  const documents = [tenant.enrolment("pump", 2, { halves }), tenant.grants("pump", 2, [{ tag }])];
  await directory.import([await tenant.head(identity, 1), ...documents]);
  const zookeeper = await testZooKeeper();
  for (const { path } of documents) {
    const text = (await zookeeper.get(path))?.data.toString("utf8") ?? "";
    for (const secret of [tenant.bridgeKey, tag, halves.tag])
      expect(text).not.toContain(secret.toString("base64url"));
  }
  const topic = new InternalStore(tenant.bridgeKey).topicName(INTERNAL_KIND.directory);
  const { config, partitions } = await access.admin.describeTopic(topic);
  expect(config["cleanup.policy"]).toBe("compact");
  expect(config["min.insync.replicas"]).toBe("2");
  expect(partitions.map(({ replicas }) => replicas.length)).toEqual([3]);
});

describe("mail", () => {
  const sealed = (text: string): Buffer => Buffer.from(`an age file: ${text}`);

  test("lies in ZooKeeper for its client, one at a time, and never goes back", async () => {
    const tenant = newTenant();
    const { directory, zookeeper } = await testDirectory([tenant], identity);
    const box = mailboxPath(tenant.name, "pump");
    const first = tenant.mail("pump", 5, sealed("5"));
    const bundle = [await tenant.head(identity, 1), ...pump(tenant, 2), first];
    expect(await directory.import(bundle)).toEqual({ accepted: 5, unchanged: 0 });
    expect((await zookeeper.get(first.path))?.data.equals(first.document)).toBe(true);
    expect(await directory.import([first])).toEqual({ accepted: 0, unchanged: 1 });

    const second = tenant.mail("pump", 1_000, sealed("1000"));
    await directory.import([second, tenant.mail("fan", 3, sealed("3"))]);
    expect(await zookeeper.children(box)).toEqual(["1000"]);

    // Not after it was fetched either, and not at another bridge.
    await zookeeper.delete(second.path);
    const { directory: restarted } = await testDirectory([tenant], identity);
    for (const bridge of [directory, restarted]) {
      await expect(bridge.import([first])).rejects.toMatchObject({ code: "ROLLED_BACK" });
      const other = tenant.mail("pump", 1_000, sealed("other"));
      await expect(bridge.import([other])).rejects.toMatchObject({ code: "ROLLED_BACK" });
    }
    expect(await zookeeper.children(box)).toEqual([]);
  });

  test("is taken only where the owner signed it for that very place", async () => {
    const tenant = newTenant();
    const { directory, zookeeper } = await testDirectory([tenant], identity);
    await directory.import([await tenant.head(identity, 1), ...pump(tenant, 2)]);
    const mail = tenant.mail("pump", 5, sealed("5"));
    const forged = new TestTenant(tenant.name).mail("pump", 5, sealed("5"));
    const moved = { ...mail, path: mailPath(tenant.name, "fan", 5) };
    const later = { ...mail, path: mailPath(tenant.name, "pump", 6) };
    for (const bad of [forged, moved, later])
      await expect(directory.import([bad])).rejects.toMatchObject({ code: "BAD_DOCUMENT" });
    expect(await zookeeper.children(mailboxPath(tenant.name, "pump"))).toBeNull();
  });

  test("goes when its client is revoked", async () => {
    const tenant = newTenant();
    const { directory, zookeeper } = await testDirectory([tenant], identity);
    const mail = tenant.mail("pump", 3, sealed("3"));
    await directory.import([await tenant.head(identity, 1), ...pump(tenant, 2), mail]);
    await directory.import([tenant.enrolment("pump", 4, { status: "revoked" })]);
    expect(await zookeeper.children(mailboxPath(tenant.name, "pump"))).toEqual([]);
  });
});

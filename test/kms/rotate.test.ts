/** `kms rotate`: what the owner, the bridge and a client that gets its mail hold afterwards, held against each other. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { describe, expect, test, vi } from "vitest";
import type { Clients } from "../../bridge/directory/clients.ts";
import { clientRole } from "../../core/scheme/client.ts";
import { ownerTag } from "../../core/scheme/owner.ts";
import { proxyRole, releaseRole } from "../../core/scheme/proxy.ts";
import { SUITE } from "../../core/scheme/suite.ts";
import { tagOf } from "../../core/scheme/tag.ts";
import { type Credential, newestEpoch } from "../../core/wire/credential.ts";
import { headPath, headSchema, mailboxPath, parseDocumentPath } from "../../core/wire/directory.ts";
import { openDocument } from "../../core/wire/document.ts";
import { importPublicKey } from "../../core/wire/keys.ts";
import { takeMail } from "../../core/wire/mail.ts";
import { readBatch, writeBatch } from "../../kms/batch-file.ts";
import type { EpochsChanged } from "../../kms/change-epochs.ts";
import { grant } from "../../kms/change-grants.ts";
import { enrol } from "../../kms/enrol.ts";
import { listClients } from "../../kms/list.ts";
import { revoke } from "../../kms/revoke.ts";
import { type RotateRequest, retire, rotate } from "../../kms/rotate.ts";
import { showClient, showTenant } from "../../kms/show.ts";
import { tellClients } from "../../kms/tell-clients.ts";
import { openTenant, type Tenant } from "../../kms/tenant.ts";
import { FOREVER_MS } from "../../kms/time-text.ts";
import { verifyTenant } from "../../kms/verify/verify.ts";
import { bridgeWith, openBundle, readCredential, wholeHalves } from "./at-the-bridge.ts";
import { CHEAP_SCRYPT, makeTenant, PASSPHRASE, quick, readBundle, TENANT } from "./fixture.ts";

vi.mock("../../kms/fleet.ts", async (original) => {
  const { withLastingWorkers } = await import("./lasting-workers.ts");
  return withLastingWorkers(await original());
});

const TOPIC = "plant/boiler";
const DAY_MS = 24 * 3600 * 1000;
const START_MS = Date.UTC(2027, 0, 1);

/** A tenant with a device and a consumer, and what the bridge and they themselves know by now. */
class Plant {
  readonly bundles: string[] = [];
  readonly credentials = new Map<string, Credential>();
  nowMs = START_MS;
  readonly #options: Awaited<ReturnType<typeof makeTenant>>;

  private constructor(options: Awaited<ReturnType<typeof makeTenant>>) {
    this.#options = options;
  }

  static async build(suite: RotateRequest["suite"] = "p256"): Promise<Plant> {
    const plant = new Plant(await makeTenant({ ...quick(suite), ...(suite && { suite }) }));
    await plant.enrol("pi", { publish: [TOPIC], subscribe: [] });
    await plant.enrol("desk", { publish: [], subscribe: [TOPIC] });
    return plant;
  }

  /** As it lies on disk now. */
  tenant(): Promise<Tenant> {
    return openTenant(this.#options);
  }

  async enrol(client: string, topics: { publish: string[]; subscribe: string[] }): Promise<void> {
    const made = await enrol(await this.tenant(), { client, ...topics });
    this.bundles.push(made.bundle);
    this.credentials.set(client, await readCredential(made.credential));
  }

  async rotate(request: Partial<RotateRequest> = {}): Promise<EpochsChanged> {
    return await this.#deliver(
      await rotate(await this.tenant(), { ...this.#change(), ...request }),
    );
  }

  async retire(): Promise<EpochsChanged> {
    return await this.#deliver(await retire(await this.tenant(), this.#change()));
  }

  credential(client: string): Credential {
    const credential = this.credentials.get(client);
    if (!credential) throw new Error("not enrolled");
    return credential;
  }

  async bridge(): Promise<Clients> {
    return await bridgeWith(await this.tenant(), ...this.bundles);
  }

  #change() {
    return {
      passphrase: PASSPHRASE,
      clock: () => this.nowMs,
      scryptWorkFactor: CHEAP_SCRYPT,
    };
  }

  /** Bundles to the bridge, mail to the clients. */
  async #deliver(changed: EpochsChanged): Promise<EpochsChanged> {
    this.bundles.push(...changed.bundles);
    for (const bundle of changed.bundles)
      for (const [path, document] of await readBundle(bundle)) {
        const place = parseDocumentPath(path);
        if (place.kind !== "mail") continue;
        const mail = { number: place.number, document };
        const before = this.credential(place.client);
        this.credentials.set(place.client, await takeMail(before, mail));
      }
    return changed;
  }
}

/** That a device's key reaches the consumer, and both their tokens the owner's tag, in `epoch`. */
async function expectWorks(plant: Plant, epoch: number): Promise<void> {
  const tenant = await plant.tenant();
  const bridge = await plant.bridge();
  const realm = { tenant: TENANT, epoch };
  const master = tenant.master.epochs.find((known) => known.epoch === epoch)?.master;
  if (!master) throw new Error("the owner has no such epoch");
  const tag = ownerTag({ master, realm, topic: TOPIC });
  const sides = ["pi", "desk"].map((name) => {
    const credential = plant.credential(name);
    const parameters = credential.epochs.find((known) => known.epoch === epoch)?.parameters;
    const halves = credential.halves.find((known) => known.epoch === epoch)?.halves;
    const client = bridge.get(name);
    if (!parameters || !halves || !client) throw new Error("a side is missing");
    const proxy = { realm, parameters, halves: wholeHalves(client.halves.get(epoch)) };
    const role = clientRole({ realm, parameters, halves });
    const reached = proxyRole(proxy).transform(role.token(TOPIC));
    expect(tagOf(SUITE[parameters.suite], realm, reached)).toEqual(tag);
    expect(client.grants.get(tag.toString("hex"))?.ops).toEqual([name === "pi" ? "pub" : "sub"]);
    return { role, proxy };
  });
  const [pi, desk] = sides;
  if (!pi || !desk) throw new Error("two sides");
  const { ikm, wrapped } = pi.role.wrap((length) => Buffer.alloc(length, 7));
  expect(desk.role.unwrap(releaseRole(desk.proxy).release(wrapped))).toEqual(ikm);
}

async function expectAllIsWell(plant: Plant): Promise<void> {
  expect((await verifyTenant(await plant.tenant())).problems).toEqual([]);
}

async function headOf(plant: Plant) {
  const { master } = await plant.tenant();
  const kmsPublicKey = importPublicKey(master.kmsPublicKey);
  const heads = await Promise.all(plant.bundles.map(readBundle));
  const path = headPath(TENANT);
  const document = heads.flatMap((bundle) => bundle.get(path) ?? []).at(-1);
  if (!document) throw new Error("no head");
  return openDocument("head", path, document, { kmsPublicKey, schema: headSchema });
}

describe.each([
  { from: "p256", to: undefined, by: "p256" },
  { from: "rsa", to: "p256", by: "p256" },
  { from: "p256", to: "rsa", by: "rsa" },
  { from: "hmac", to: "pki", by: "pki" },
] as const)("from $from to $by", ({ from, to, by }) => {
  test("both epochs work, for clients that have their mail", async () => {
    const plant = await Plant.build(from);
    const changed = await plant.rotate(to ? { ...quick(to), suite: to } : {});
    expect(changed).toMatchObject({
      done: "rotate",
      epochs: [
        { epoch: 1, suite: from },
        { epoch: 2, suite: by },
      ],
      dropped: [],
      clients: 2,
    });
    expect(changed.bundles.map((path) => basename(path))).toEqual([
      expect.stringMatching(/^\d+-rotate\.json$/),
      expect.stringMatching(/^\d+-rotate-2-clients\.json$/),
    ]);
    // Suite `pki` has tokens of its own for consumers: the flow test goes that way.
    if (by !== "pki") for (const epoch of [1, 2]) await expectWorks(plant, epoch);
    expect(newestEpoch(plant.credential("desk"))).toMatchObject({ epoch: 2 });
    await expectAllIsWell(plant);
  });
});

describe("a rotation", () => {
  test("gives the older epoch its ends, in the head, in mail and in show", async () => {
    const plant = await Plant.build();
    const { next } = await plant.rotate({ graceMs: 3 * DAY_MS });
    const ends = {
      tagsUntilMs: START_MS + 3 * DAY_MS,
      recordsUntilMs: START_MS + 33 * DAY_MS,
    };
    expect((await headOf(plant)).epochs).toMatchObject([{ epoch: 1, ...ends }, { epoch: 2 }]);
    expect(plant.credential("pi").epochs).toMatchObject([{ epoch: 1, ...ends }, { epoch: 2 }]);
    expect(next).toEqual({ epoch: 1, what: "tags", atMs: ends.tagsUntilMs });
    const shown = await showTenant(await plant.tenant());
    expect(shown).toMatchObject({
      epochs: [
        { epoch: 1, ...ends },
        { epoch: 2, tagsUntilMs: null },
      ],
      next,
    });
    expect(await showClient(await plant.tenant(), "desk")).toMatchObject({
      epochs: [
        { epoch: 1, reads: true },
        { epoch: 2, reads: true },
      ],
    });
    for await (const { epochs } of listClients(await plant.tenant()))
      expect(epochs).toEqual([1, 2]);
  });

  test("draws fresh halves, and keeps those of the epoch before", async () => {
    const plant = await Plant.build();
    const before = plant.credential("pi");
    await plant.rotate();
    const after = plant.credential("pi");
    expect(after.halves[0]).toEqual(before.halves[0]);
    expect(after.halves[1]?.halves.tag).not.toEqual(after.halves[0]?.halves.tag);
    expect(plant.credential("desk").halves[1]).not.toEqual(after.halves[1]);
    expect({ ...after, serial: 0, epochs: [], halves: [] }).toEqual({
      ...before,
      serial: 0,
      epochs: [],
      halves: [],
    });
  });

  test("leaves a revoked client out; enrolled again it has every epoch", async () => {
    const plant = await Plant.build();
    plant.bundles.push((await revoke(await plant.tenant(), "pi")).bundle);
    const { bundles, clients } = await plant.rotate();
    expect(clients).toBe(1);
    const paths = (await Promise.all(bundles.map(readBundle))).flatMap((all) => [...all.keys()]);
    expect(paths.filter((path) => path.startsWith(mailboxPath(TENANT, "pi")))).toEqual([]);
    const again = await enrol(await plant.tenant(), {
      client: "pi",
      publish: [TOPIC],
      subscribe: [],
      again: true,
    });
    plant.bundles.push(again.bundle);
    plant.credentials.set("pi", await readCredential(again.credential));
    for (const epoch of [1, 2]) await expectWorks(plant, epoch);
    expect((await plant.rotate()).clients).toBe(2);
    await expectAllIsWell(plant);
  });

  test("and grants go together: the owner's copy of a credential has the new epoch too", async () => {
    const plant = await Plant.build();
    await plant.rotate();
    const tenant = await plant.tenant();
    const widened = await grant(tenant, { client: "pi", publish: [], subscribe: [TOPIC] });
    expect(widened.newRecordHalf).toBe(true);
    const file = await readCredential(tenant.layout.credential("pi"));
    const mailed = plant.credential("pi");
    expect(file.serial).toBeGreaterThan(mailed.serial);
    expect(file.epochs).toEqual(mailed.epochs);
    expect(file.halves.map(({ halves }) => halves.tag)).toEqual(
      mailed.halves.map(({ halves }) => halves.tag),
    );
    expect(file.halves.every(({ halves }) => halves.record)).toBe(true);
    await plant.rotate();
    expect(plant.credential("pi").halves.slice(0, 2)).toEqual(file.halves);
    await expectAllIsWell(plant);
  });

  test("of a client with a thousand topics takes no grant away in between", async () => {
    const plant = await Plant.build();
    const topics = Array.from({ length: 1_100 }, (_, index) => `many/${index}`);
    await plant.enrol("hub", { publish: topics, subscribe: [] });
    const bridge = await plant.bridge();
    const before = [...(bridge.get("hub")?.grants.keys() ?? [])];
    expect(before).toHaveLength(1_100);
    const tenant = await plant.tenant();
    for (const bundle of (await plant.rotate()).bundles)
      for (const opened of await openBundle(tenant, bundle)) {
        bridge.apply(opened);
        const grants = bridge.get("hub")?.grants;
        expect(before.every((tag) => grants?.has(tag))).toBe(true);
      }
    expect([...(bridge.get("hub")?.grants.keys() ?? [])]).toHaveLength(2_200);
  });
});

test("a grace window that no document can hold is refused, and nothing changes", async () => {
  const plant = await Plant.build();
  const { layout } = await plant.tenant();
  const before = await readFile(layout.master);
  const graces = [0.5, -1, Number.NaN, Infinity, FOREVER_MS - START_MS];
  const clock = (): number => START_MS + 0.25;
  for (const wrong of [...graces.map((graceMs) => ({ graceMs })), { clock }])
    await expect(plant.rotate(wrong)).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
  expect(await readFile(layout.master)).toEqual(before);
  await expectAllIsWell(plant);
});

describe("the end of an epoch", () => {
  test("takes its tag halves after the grace window, and all of it after retention", async () => {
    const plant = await Plant.build();
    await plant.rotate({ graceMs: DAY_MS });
    plant.nowMs = START_MS + DAY_MS - 1;
    expect(await plant.retire()).toMatchObject({ done: "nothing", clients: 0, bundles: [] });

    plant.nowMs = START_MS + DAY_MS;
    const { serial } = plant.credential("pi");
    const first = await plant.retire();
    // For the clients nothing has changed: no mail.
    expect(plant.credential("pi").serial).toBe(serial);
    const recordsUntilMs = START_MS + 31 * DAY_MS;
    expect(first).toMatchObject({
      done: "retire",
      clients: 2,
      next: { epoch: 1, what: "records", atMs: recordsUntilMs },
    });
    let bridge = await plant.bridge();
    expect(bridge.get("pi")?.halves.get(1)).toBeUndefined();
    expect(bridge.get("desk")?.halves.get(1)).toEqual({ record: expect.any(Buffer) });
    await expectWorks(plant, 2);
    expect(await plant.retire()).toMatchObject({ done: "nothing" });

    plant.nowMs = recordsUntilMs;
    expect(await plant.retire()).toMatchObject({ done: "retire", dropped: [1], next: null });
    bridge = await plant.bridge();
    expect([...(bridge.get("desk")?.halves.keys() ?? [])]).toEqual([2]);
    expect(bridge.get("desk")?.grants.size).toBe(1);
    expect(plant.credential("desk").epochs).toMatchObject([{ epoch: 2 }]);
    expect((await headOf(plant)).epochs).toMatchObject([{ epoch: 2 }]);
    await expectWorks(plant, 2);
    await expectAllIsWell(plant);
  });

  test("comes by itself with a later rotation", async () => {
    const plant = await Plant.build();
    await plant.rotate({ graceMs: DAY_MS });
    plant.nowMs += 5 * DAY_MS;
    const { epochs } = await plant.rotate({ graceMs: DAY_MS });
    expect(epochs).toMatchObject([
      { epoch: 1, tagsUntilMs: START_MS + DAY_MS },
      { epoch: 2, tagsUntilMs: plant.nowMs + DAY_MS },
      { epoch: 3, tagsUntilMs: null },
    ]);
    expect((await plant.bridge()).get("desk")?.halves.get(1)?.tag).toBeUndefined();
    for (const epoch of [2, 3]) await expectWorks(plant, epoch);
  });

  test("is at once where keys are compromised: on the bridge, with the clients, with the owner", async () => {
    const plant = await Plant.build();
    expect(await plant.rotate({ compromised: true })).toMatchObject({
      done: "rotate",
      epochs: [{ epoch: 2 }],
      dropped: [1],
      next: null,
    });
    const bridge = await plant.bridge();
    for (const name of ["pi", "desk"]) {
      expect([...(bridge.get(name)?.halves.keys() ?? [])]).toEqual([2]);
      expect(bridge.get(name)?.grants.size).toBe(1);
      expect(plant.credential(name).halves.map(({ epoch }) => epoch)).toEqual([2]);
    }
    expect((await plant.tenant()).master.epochs.map(({ epoch }) => epoch)).toEqual([2]);
    await expectWorks(plant, 2);
    await expectAllIsWell(plant);
  });
});

describe("a rotation that was cut off", () => {
  test("before its head was written: the next one writes it", async () => {
    const plant = await Plant.build();
    const [head = ""] = (await plant.rotate()).bundles;
    await rm(head);
    plant.bundles.splice(plant.bundles.indexOf(head), 1);
    expect((await verifyTenant(await plant.tenant())).problems).not.toEqual([]);
    expect(await plant.rotate()).toMatchObject({ done: "finish", clients: 2 });
    for (const epoch of [1, 2]) await expectWorks(plant, epoch);
    await expectAllIsWell(plant);
  });

  test("while clients were told: they are told again, with the same halves", async () => {
    const plant = await Plant.build();
    await plant.rotate();
    const before = plant.credential("desk");
    const tenant = await plant.tenant();
    await writeBatch(tenant.state, "rotate", ["desk"]);
    expect((await verifyTenant(tenant)).problems).toMatchObject([{ path: "state/rotating" }]);
    expect(await plant.rotate()).toMatchObject({ done: "finish", clients: 1, epochs: [{}, {}] });
    expect(plant.credential("desk").halves).toEqual(before.halves);
    expect(plant.credential("desk").serial).toBeGreaterThan(before.serial);
    for (const epoch of [1, 2]) await expectWorks(plant, epoch);
    await expectAllIsWell(plant);
  });

  test("and again, before they had their turn: they stay written down until they have", async () => {
    const plant = await Plant.build();
    await plant.rotate();
    const tenant = await plant.tenant();
    await writeBatch(tenant.state, "rotate", ["ghost"]);
    // Of so many topics that each is a batch of its own; the second one fails.
    const topics = 1_000_000;
    const waiting = [
      { client: "desk", topics, again: false },
      { client: "ghost", topics, again: true },
    ];
    await expect(tellClients(tenant, waiting)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await readBatch(tenant.state, "rotate")).toEqual(["ghost"]);
  });

  test("of a client that was revoked meanwhile is finished without it", async () => {
    const plant = await Plant.build();
    await plant.rotate();
    await writeBatch((await plant.tenant()).state, "rotate", ["pi"]);
    await revoke(await plant.tenant(), "pi");
    expect(await plant.retire()).toMatchObject({ done: "nothing" });
    await expectAllIsWell(plant);
  });

  test("does not hold up one for compromised keys", async () => {
    const plant = await Plant.build();
    await writeBatch((await plant.tenant()).state, "rotate", ["desk"]);
    expect(await plant.rotate({ compromised: true })).toMatchObject({ done: "rotate", clients: 2 });
    await expectAllIsWell(plant);
  });
});

test("verify sees a byte that was changed in any file of a rotation", async () => {
  const plant = await Plant.build();
  const { bundles } = await plant.rotate();
  const { layout } = await plant.tenant();
  for (const path of [...bundles, `${layout.state}/rotating`, layout.publicFile]) {
    const good = await readFile(path);
    for (const at of [0, Math.floor(good.length / 2), good.length - 1]) {
      const changed = Buffer.from(good);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      await writeFile(path, changed);
      const { problems } = await verifyTenant(await plant.tenant());
      expect(problems.map((found) => basename(found.path))).toContain(basename(path));
    }
    await writeFile(path, good);
  }
  await expectAllIsWell(plant);
});

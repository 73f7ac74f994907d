/** `enrol --csv` at the bridge's own code. The keys are made by the compiled worker threads (`npm run -s build`). */
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { writeBatch } from "../../kms/batch-file.ts";
import { enrol } from "../../kms/enrol.ts";
import { readEnrolList } from "../../kms/enrol-list.ts";
import { type EnrolManyRequest, enrolMany } from "../../kms/enrol-many.ts";
import { openTenant, type Tenant } from "../../kms/tenant.ts";
import { verifyTenant } from "../../kms/verify/verify.ts";
import {
  bridgeWith,
  mayLogIn,
  operationsOf,
  readCredential,
  tagFor,
  tagReached,
} from "./at-the-bridge.ts";
import { makeTenant, readBundle } from "./fixture.ts";

vi.mock("../../kms/fleet.ts", async (original) => {
  const { withLastingWorkers } = await import("./lasting-workers.ts");
  return withLastingWorkers(await original());
});

function listOf(...rows: string[]): Pick<EnrolManyRequest, "list"> {
  return { list: readEnrolList(["client,publish,subscribe", ...rows].join("\n")) };
}

async function freshTenant(suite: "rsa" | "p256" | "hmac" | "pki" = "p256"): Promise<Tenant> {
  return await openTenant(await makeTenant({ suite }));
}

/** `count` devices with a topic of their own, and one that all may read. */
function fleet(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `pi-${index},site/${index},site/all`);
}

describe("a fleet", () => {
  test.each(["rsa", "p256", "hmac", "pki"] as const)(
    "is what the bridge needs, with suite %s",
    async (suite) => {
      const tenant = await freshTenant(suite);
      const made = await enrolMany(tenant, listOf(...fleet(3)));
      const bridge = await bridgeWith(tenant, ...made.bundles);
      expect(made).toMatchObject({
        enrolled: 3,
        skipped: 0,
        credentials: tenant.layout.credentials,
      });
      for (const index of [0, 1, 2]) {
        const client = bridge.get(`pi-${index}`);
        const credential = await readCredential(tenant.layout.credential(`pi-${index}`));
        if (!client) throw new Error("the bridge does not know the client");
        expect(mayLogIn(credential, client)).toBe(true);
        expect(operationsOf(credential, client, `site/${index}`)).toEqual(["pub"]);
        expect(tagReached(credential, client, { topic: "site/all", asConsumer: true })).toEqual(
          tagFor(tenant, "site/all"),
        );
      }
      expect((await verifyTenant(tenant)).problems).toEqual([]);
    },
  );

  test("comes in bundles of a bounded size, with serials in their order", async () => {
    const tenant = await freshTenant("hmac");
    const told: number[] = [];
    const onProgress = ({ done }: { done: number }): number => told.push(done);
    const made = await enrolMany(tenant, { ...listOf(...fleet(501)), onProgress });
    expect(made.bundles.map((path) => basename(path))).toEqual([
      "000000000002-enrol-500-clients.json",
      "000000000502-enrol-1-clients.json",
    ]);
    const sizes = await Promise.all(
      made.bundles.map(async (file) => (await readBundle(file)).size),
    );
    expect(sizes).toEqual([1_500, 3]);
    expect(told.at(-1)).toBe(501);
    expect(await tenant.state.lastSerial()).toBe(502);
    expect(await verifyTenant(tenant)).toMatchObject({
      problems: [],
      clients: 501,
      auditLines: 502,
    });
  });

  test("a client with very many topics is a bundle of its own", async () => {
    const tenant = await freshTenant("hmac");
    const topics = Array.from({ length: 40_000 }, (_, index) => `t${index}`).join("|");
    const made = await enrolMany(tenant, listOf("a,x", `big,${topics}`, "b,x"));
    expect(made.bundles).toHaveLength(3);
    const sizes = await Promise.all(made.bundles.map(async (file) => (await stat(file)).size));
    expect(Math.max(...sizes)).toBeLessThan(32 * 2 ** 20);
  });

  test("has its credentials where it is told, readable by the owner alone", async () => {
    const tenant = await freshTenant();
    const credentialFolder = join(tenant.layout.folder, "..", "cards");
    await enrolMany(tenant, { ...listOf(...fleet(2)), credentialFolder });
    expect((await readdir(credentialFolder)).sort()).toEqual(["pi-0.cred.json", "pi-1.cred.json"]);
    expect((await stat(join(credentialFolder, "pi-0.cred.json"))).mode & 0o777).toBe(0o600);
    expect(await readdir(tenant.layout.credentials)).toEqual([]);
  });
});

describe("before anything is made", () => {
  test("all problems are told, of the list and of who is there already", async () => {
    const tenant = await freshTenant();
    await enrol(tenant, { client: "pi-1", publish: ["a"], subscribe: [] });
    await writeFile(tenant.layout.credential("pi-2"), "{}");
    const made = enrolMany(tenant, listOf(...fleet(3), "pi-9,"));
    await expect(made).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
      message: [
        "nothing was made:",
        "  line 3: pi-1 is enrolled already",
        `  line 4: ${tenant.layout.credential("pi-2")} exists already`,
        "  line 5: the client has no topic",
      ].join("\n"),
      hint: expect.stringContaining("--skip-enrolled"),
    });
    expect(await tenant.state.clients()).toEqual(["pi-1"]);
    expect(await tenant.state.lastSerial()).toBe(2);
  });

  test("of very many problems the first are told", async () => {
    const tenant = await freshTenant();
    const rows = Array.from({ length: 250 }, (_, index) => `pi-${index},`);
    await expect(enrolMany(tenant, listOf(...rows))).rejects.toMatchObject({
      message: expect.stringMatching(/\n {2}and 50 more$/),
    });
  });
});

describe("who is enrolled already", () => {
  test("stays as it is with skipEnrolled", async () => {
    const tenant = await freshTenant();
    await enrol(tenant, { client: "pi-1", publish: ["a"], subscribe: [] });
    const before = await readFile(tenant.layout.credential("pi-1"));
    const made = await enrolMany(tenant, { ...listOf(...fleet(3)), skipEnrolled: true });
    expect(made).toMatchObject({ enrolled: 2, skipped: 1 });
    expect(await readFile(tenant.layout.credential("pi-1"))).toEqual(before);
    const again = await enrolMany(tenant, { ...listOf(...fleet(3)), skipEnrolled: true });
    expect(again).toMatchObject({ enrolled: 0, skipped: 3, bundles: [] });
  });

  test("is made again with again, and what it sent remains readable", async () => {
    const tenant = await freshTenant();
    await enrol(tenant, { client: "pi-1", publish: ["a"], subscribe: [] });
    const before = await readCredential(tenant.layout.credential("pi-1"));
    await enrolMany(tenant, { ...listOf(...fleet(2)), again: true });
    const after = await readCredential(tenant.layout.credential("pi-1"));
    expect(after.secret).not.toEqual(before.secret);
    expect(after.signingKey).toEqual(before.signingKey);
    expect(after.groupKey).toEqual(before.groupKey);
  });

  test("is made again by skipEnrolled where the command was cut off while it was made", async () => {
    const tenant = await freshTenant();
    await enrolMany(tenant, listOf(...fleet(2)));
    await writeBatch(tenant.state, "enrol", ["pi-1"]);
    expect((await verifyTenant(tenant)).problems).toMatchObject([{ path: "state/batch" }]);
    const made = await enrolMany(tenant, { ...listOf(...fleet(3)), skipEnrolled: true });
    expect(made).toMatchObject({ enrolled: 2, skipped: 1 });
    expect((await verifyTenant(tenant)).problems).toEqual([]);
  });
});

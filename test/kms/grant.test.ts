import { randomBytes } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { clientRole } from "../../core/scheme/client.ts";
import { newestEpoch } from "../../core/wire/credential.ts";
import { grant, ungrant } from "../../kms/change-grants.ts";
import { readClient } from "../../kms/client-record.ts";
import { enrol } from "../../kms/enrol.ts";
import { revoke } from "../../kms/revoke.ts";
import { openTenant, type Tenant } from "../../kms/tenant.ts";
import { FOREVER_MS } from "../../kms/time-text.ts";
import type { NamedTopics } from "../../kms/topic-grants.ts";
import { verifyTenant } from "../../kms/verify/verify.ts";
import {
  bridgeWith,
  mayLogIn,
  openBundle,
  operationsOf,
  REALM,
  readCredential,
  tagFor,
  tagReached,
  unwrapThrough,
} from "./at-the-bridge.ts";
import { makeTenant } from "./fixture.ts";

const CLIENT = "pi-01";
const NONE: NamedTopics = { publish: [], subscribe: [] };

async function tenantWithClient(topics: Partial<NamedTopics> = {}) {
  const tenant = await openTenant(await makeTenant({ suite: "p256" }));
  const enrolled = await enrol(tenant, { client: CLIENT, ...NONE, publish: ["a"], ...topics });
  return { tenant, enrolled };
}

function topicsOf(tenant: Tenant) {
  return readClient(tenant.state, CLIENT).then((record) => record?.topics);
}

describe("grant", () => {
  test("adds to what the client has, for publishing and reading apart", async () => {
    const { tenant, enrolled } = await tenantWithClient({ publish: ["a"], subscribe: ["b"] });
    const granted = await grant(tenant, { client: CLIENT, publish: ["b", "c"], subscribe: ["a"] });
    const bridge = (await bridgeWith(tenant, enrolled.bundle, granted.bundle)).get(CLIENT);
    const credential = await readCredential(enrolled.credential);
    if (!bridge) throw new Error("the bridge does not know the client");
    expect(granted).toMatchObject({ serial: 3, publish: 3, subscribe: 2, newRecordHalf: false });
    expect(["a", "b", "c", "d"].map((topic) => operationsOf(credential, bridge, topic))).toEqual([
      ["pub", "sub"],
      ["pub", "sub"],
      ["pub"],
      [],
    ]);
  });

  test("keeps the login, the keys and the group, so that a running client runs on", async () => {
    const { tenant, enrolled } = await tenantWithClient();
    const before = await readCredential(enrolled.credential);
    const { bundle, credential } = await grant(tenant, { ...NONE, client: CLIENT, publish: ["b"] });
    const after = await readCredential(credential ?? "");
    expect({ ...after, topics: [], serial: 0 }).toEqual({ ...before, topics: [], serial: 0 });
    expect(after.topics.map(({ name }) => name)).toEqual(["a", "b"]);
    const bridge = (await bridgeWith(tenant, bundle)).get(CLIENT);
    expect(bridge && mayLogIn(before, bridge)).toBe(true);
  });

  test("has a validity, which stays until another is given", async () => {
    const { tenant } = await tenantWithClient({});
    const untilMs = Date.now() + 86_400_000;
    const topic = { ...NONE, client: CLIENT, publish: ["b"] };
    const bundle = await grant(tenant, { ...topic, validFromMs: 5, validUntilMs: untilMs });
    const table = (await bridgeWith(tenant, bundle.bundle)).get(CLIENT)?.grants;
    expect(table?.get(tagFor(tenant, "b").toString("hex"))).toMatchObject({ nbf: 5, exp: untilMs });
    await grant(tenant, topic);
    expect(await topicsOf(tenant)).toContainEqual({
      name: "b",
      ops: ["pub"],
      nbf: 5,
      exp: untilMs,
    });
    await grant(tenant, { ...topic, validUntilMs: FOREVER_MS });
    expect((await topicsOf(tenant))?.find(({ name }) => name === "b")?.exp).toBe(FOREVER_MS);
  });

  test("does not change the validity of an operation that was not named", async () => {
    const { tenant } = await tenantWithClient({ publish: [], subscribe: ["a"] });
    const topic = { ...NONE, client: CLIENT, publish: ["a"] };
    const untilMs = Date.now() + 86_400_000;
    await expect(grant(tenant, { ...topic, validUntilMs: untilMs })).rejects.toMatchObject({
      code: "CONFLICT",
    });
    await grant(tenant, { ...topic, subscribe: ["a"], validUntilMs: untilMs });
    expect(await topicsOf(tenant)).toEqual([
      { name: "a", ops: ["pub", "sub"], nbf: 0, exp: untilMs },
    ]);
  });

  test.each([
    ["no topic", NONE],
    ["an end in the past", { publish: ["b"], subscribe: [], validUntilMs: 1 }],
    ["an end before the beginning", { ...NONE, publish: ["b"], validFromMs: FOREVER_MS }],
    ["a topic that is none", { publish: [""], subscribe: [] }],
  ])("refuses %s, before a serial is used", async (_, request) => {
    const { tenant } = await tenantWithClient();
    await expect(grant(tenant, { client: CLIENT, ...request })).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
    });
    expect((await revoke(tenant, CLIENT)).serial).toBe(3);
  });

  test("refuses who is not there, and who is revoked", async () => {
    const { tenant } = await tenantWithClient();
    const request = { ...NONE, publish: ["b"] };
    await expect(grant(tenant, { ...request, client: "pi-02" })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    await revoke(tenant, CLIENT);
    await expect(grant(tenant, { ...request, client: CLIENT })).rejects.toMatchObject({
      code: "REVOKED",
    });
  });
});

describe("a producer that becomes a consumer", () => {
  test.each(["rsa", "p256", "hmac", "pki"] as const)(
    "reads with suite %s, under its old tag half",
    async (suite) => {
      const tenant = await openTenant(await makeTenant({ suite }));
      const producer = await enrol(tenant, { ...NONE, client: "sensor", publish: ["b"] });
      const enrolled = await enrol(tenant, { ...NONE, client: CLIENT, publish: ["a"] });
      const before = await readCredential(enrolled.credential);
      const granted = await grant(tenant, { ...NONE, client: CLIENT, subscribe: ["b"] });
      const after = await readCredential(granted.credential ?? "");
      const bridge = (await bridgeWith(tenant, enrolled.bundle, granted.bundle)).get(CLIENT);
      if (!bridge) throw new Error("the bridge does not know the client");

      expect(granted.newRecordHalf).toBe(true);
      expect(newestEpoch(after).halves.tag).toEqual(newestEpoch(before).halves.tag);
      const sensor = await readCredential(producer.credential);
      const { parameters, halves } = newestEpoch(sensor);
      const { ikm, wrapped } = clientRole({ realm: REALM, parameters, halves }).wrap(randomBytes);
      expect(unwrapThrough(after, bridge, wrapped)).toEqual(ikm);
      expect(tagReached(after, bridge, { topic: "b", asConsumer: true })).toEqual(
        tagFor(tenant, "b"),
      );
      expect((await verifyTenant(tenant)).problems).toEqual([]);
    },
  );

  test("keeps the half when it reads a second topic", async () => {
    const { tenant, enrolled } = await tenantWithClient({ subscribe: ["a"] });
    const before = await readCredential(enrolled.credential);
    expect(await grant(tenant, { ...NONE, client: CLIENT, subscribe: ["b"] })).toMatchObject({
      newRecordHalf: false,
    });
    expect((await readCredential(enrolled.credential)).halves).toEqual(before.halves);
  });

  test("needs its credential, here or where it is said to be", async () => {
    const { tenant, enrolled } = await tenantWithClient();
    const elsewhere = join(tenant.layout.folder, "..", "card.json");
    await rename(enrolled.credential, elsewhere);
    const request = { ...NONE, client: CLIENT, subscribe: ["b"] };
    await expect(grant(tenant, request)).rejects.toMatchObject({ code: "SECRET_FILE" });
    const granted = await grant(tenant, { ...request, credentialPath: elsewhere });
    expect(granted).toMatchObject({ credential: elsewhere, newRecordHalf: true, serial: 3 });
  });
});

describe("the credential", () => {
  test("that is not here stays as it is, and that is said", async () => {
    const { tenant, enrolled } = await tenantWithClient();
    await rm(enrolled.credential);
    const granted = await grant(tenant, { ...NONE, client: CLIENT, publish: ["b"] });
    expect(granted.credential).toBeNull();
  });

  test("is not made from one that was changed, or is an old one", async () => {
    const { tenant, enrolled } = await tenantWithClient();
    const old = await readFile(enrolled.credential);
    await enrol(tenant, { ...NONE, client: CLIENT, publish: ["a"], again: true });
    await writeFile(enrolled.credential, old);
    await expect(grant(tenant, { ...NONE, client: CLIENT, publish: ["b"] })).rejects.toMatchObject({
      code: "BAD_CREDENTIAL",
    });
  });
});

describe("ungrant", () => {
  test("takes away what is named, and nothing else", async () => {
    const { tenant, enrolled } = await tenantWithClient({ publish: ["a", "b"], subscribe: ["b"] });
    const taken = await ungrant(tenant, { ...NONE, client: CLIENT, publish: ["b"] });
    expect(taken).toMatchObject({ publish: 1, subscribe: 1 });
    const credential = await readCredential(enrolled.credential);
    expect(credential.topics).toEqual([
      { name: "a", ops: ["pub"] },
      { name: "b", ops: ["sub"] },
    ]);
    const bridge = (await bridgeWith(tenant, enrolled.bundle, taken.bundle)).get(CLIENT);
    expect(bridge && operationsOf(credential, bridge, "b")).toEqual(["sub"]);
  });

  test("of all leaves a client that may do nothing", async () => {
    const { tenant, enrolled } = await tenantWithClient();
    const taken = await ungrant(tenant, { ...NONE, client: CLIENT, all: true });
    const bridge = (await bridgeWith(tenant, enrolled.bundle, taken.bundle)).get(CLIENT);
    expect(bridge?.status).toBe("active");
    expect(bridge?.grants.size).toBe(0);
  });

  test("refuses what was not granted, and changes nothing", async () => {
    const { tenant } = await tenantWithClient({ publish: ["a", "b"] });
    for (const request of [
      { publish: ["a", "x"], subscribe: [] },
      { publish: [], subscribe: ["a"] },
    ])
      await expect(ungrant(tenant, { client: CLIENT, ...request })).rejects.toMatchObject({
        code: "NOT_FOUND",
      });
    await expect(ungrant(tenant, { client: CLIENT, ...NONE })).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
    });
    expect(await topicsOf(tenant)).toHaveLength(2);
  });
});

test("a grants document never falls away: it goes on counting, empty", async () => {
  const publish = Array.from({ length: 2_001 }, (_, index) => `topic-${index}`);
  const tenant = await openTenant(await makeTenant({ suite: "hmac" }));
  await enrol(tenant, { client: CLIENT, publish, subscribe: [] });
  const { bundle } = await ungrant(tenant, {
    client: CLIENT,
    publish: publish.slice(1),
    subscribe: [],
  });
  const opened = await openBundle(tenant, bundle);
  const chunks = opened.flatMap((o) =>
    o.kind === "grants" ? [[o.chunk, o.serial, o.rows.length > 0]] : [],
  );
  expect(chunks).toEqual([
    [0, 3, true],
    [1, 3, false],
  ]);
  expect(opened[0]).toMatchObject({ kind: "client", enrolment: { chunks: 2 } });
  const again = await enrol(tenant, { client: CLIENT, publish: ["a"], subscribe: [], again: true });
  expect((await openBundle(tenant, again.bundle))[0]).toMatchObject({ enrolment: { chunks: 2 } });
});

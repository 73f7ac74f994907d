import { randomBytes } from "node:crypto";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { identityToRecipient } from "age-encryption";
import { describe, expect, test } from "vitest";
import { GrantTable } from "../../bridge/directory/grant-table.ts";
import { sha256 } from "../../core/scheme/bytes.ts";
import { clientRole } from "../../core/scheme/client.ts";
import { proxyRole, releaseRole } from "../../core/scheme/proxy.ts";
import { SUITE } from "../../core/scheme/suite.ts";
import { tagOf } from "../../core/scheme/tag.ts";
import { type Credential, newestEpoch } from "../../core/wire/credential.ts";
import { readClient } from "../../kms/client-record.ts";
import { type Enrolled, type EnrolRequest, enrol } from "../../kms/enrol.ts";
import { revoke } from "../../kms/revoke.ts";
import { openTenant, type Tenant } from "../../kms/tenant.ts";
import { FOREVER_MS } from "../../kms/time-text.ts";
import { CA_FILE } from "../support/certificate/certificate.ts";
import { openBundle, REALM, readCredential, tagFor, wholeHalves } from "./at-the-bridge.ts";
import { makeTenant } from "./fixture.ts";

async function freshTenant(): Promise<Tenant> {
  return await openTenant(await makeTenant());
}

function request(client: string, rest: Partial<EnrolRequest> = {}): EnrolRequest {
  return { client, publish: ["a/b"], subscribe: [], ...rest };
}

async function credentialOf({ credential }: Pick<Enrolled, "credential">): Promise<Credential> {
  return await readCredential(credential);
}

/** What a bridge has of a client, opened by the bridge's own code. */
async function atTheBridge(tenant: Tenant, bundle: string) {
  const opened = await openBundle(tenant, bundle);
  const enrolment = opened.find((o) => o.kind === "client");
  const grants = opened.filter((o) => o.kind === "grants");
  const cert = opened.find((o) => o.kind === "cert");
  if (!enrolment) throw new Error("the bundle has no enrolment");
  return { kinds: opened.map((o) => o.kind), enrolment, grants, cert };
}

/** The credential's side and the bridge's side of one client, ready to compute. */
async function bothSides(tenant: Tenant, enrolled: Enrolled) {
  const credential = await credentialOf(enrolled);
  const { parameters, halves } = newestEpoch(credential);
  const bridge = await atTheBridge(tenant, enrolled.bundle);
  const proxyHalves = wholeHalves(bridge.enrolment.halves.get(1));
  const client = clientRole({ realm: REALM, parameters, halves });
  const proxy = { realm: REALM, parameters, halves: proxyHalves };
  return { credential, bridge, client, proxy };
}

describe("what a credential and its documents do together", () => {
  test("a token ends, through the bridge's half, at the granted tag", async () => {
    const tenant = await freshTenant();
    const topic = "plant/kessel/ä";
    const producer = await enrol(tenant, request("pi-01", { publish: [topic] }));
    const consumer = await enrol(tenant, request("desk", { publish: [], subscribe: [topic] }));
    const tag = tagFor(tenant, topic);
    for (const [enrolled, ops] of [
      [producer, ["pub"]],
      [consumer, ["sub"]],
    ] as const) {
      const { client, proxy, bridge } = await bothSides(tenant, enrolled);
      const reached = tagOf(SUITE.rsa, REALM, proxyRole(proxy).transform(client.token(topic)));
      expect(reached).toEqual(tag);
      const table = new GrantTable(bridge.grants.map(({ rows }) => rows));
      expect([...table.values()]).toEqual([{ tag, ops, nbf: 0, exp: FOREVER_MS }]);
    }
  });

  test("a consumer opens what a producer wrapped; a producer cannot", async () => {
    const tenant = await freshTenant();
    const producer = await bothSides(tenant, await enrol(tenant, request("pi-01")));
    const reader = request("desk", { publish: [], subscribe: ["a/b"] });
    const consumer = await bothSides(tenant, await enrol(tenant, reader));
    const { ikm, wrapped } = producer.client.wrap(randomBytes);
    const released = releaseRole(consumer.proxy).release(wrapped);
    expect(consumer.client.unwrap(released)).toEqual(ikm);
    expect(producer.credential.halves[0]?.halves.record).toBeUndefined();
    expect(producer.bridge.enrolment.halves.get(1)?.record).toBeUndefined();
  });

  test("a topic in another spelling of the same text is the same topic, with both operations", async () => {
    const tenant = await freshTenant();
    const both = request("gateway", { publish: ["caf\u00e9"], subscribe: ["cafe\u0301"] });
    const { bridge, credential } = await bothSides(tenant, await enrol(tenant, both));
    expect(credential.topics).toEqual([{ name: "caf\u00e9", ops: ["pub", "sub"] }]);
    expect(new GrantTable(bridge.grants.map(({ rows }) => rows)).size).toBe(1);
  });

  test("the documents hold the client's identity and end", async () => {
    const tenant = await freshTenant();
    const validUntilMs = Date.now() + 86_400_000;
    const enrolled = await enrol(tenant, request("pi-01", { signs: true, validUntilMs }));
    const { bridge, credential } = await bothSides(tenant, enrolled);
    expect(bridge.kinds).toEqual(["client", "grants", "cert"]);
    expect(bridge.enrolment.enrolment).toMatchObject({
      client: "pi-01",
      serial: 2,
      status: "active",
      signs: true,
      chunks: 1,
      authHash: sha256(credential.secret),
    });
    expect([...new GrantTable(bridge.grants.map(({ rows }) => rows)).values()][0]?.exp).toBe(
      validUntilMs,
    );
    expect(bridge.cert?.serial).toBe(2);
  });

  test("many topics become several grant documents", async () => {
    // The suite that has the tag of a topic soonest.
    const tenant = await openTenant(await makeTenant({ suite: "hmac" }));
    const publish = Array.from({ length: 2_001 }, (_, index) => `topic-${index}`);
    const { bundle } = await enrol(tenant, request("gateway", { publish }));
    const bridge = await atTheBridge(tenant, bundle);
    expect(bridge.enrolment.enrolment.chunks).toBe(2);
    expect(bridge.grants.map(({ chunk }) => chunk)).toEqual([0, 1]);
    expect(new GrantTable(bridge.grants.map(({ rows }) => rows)).size).toBe(2_001);
  });
});

describe("the credential's file", () => {
  test("is the owner's alone and says where the bridge is", async () => {
    const ca = await readFile(CA_FILE, "utf8");
    const addresses = { mqtt: ["mqtts://a:8883"], http: ["https://a:8443"], ca };
    const tenant = await openTenant(await makeTenant({ addresses }));
    const enrolled = await enrol(
      tenant,
      request("pi-01", { addresses: { mqtt: ["mqtts://b:1"] } }),
    );
    expect((await stat(enrolled.credential)).mode & 0o777).toBe(0o600);
    const credential = await credentialOf(enrolled);
    expect(credential.bridge).toEqual({ mqtt: ["mqtts://b:1"], http: ["https://a:8443"] });
    expect(credential.ca).toBe(ca);
    expect(credential.kmsPublicKey).toEqual(tenant.master.kmsPublicKey);
  });

  test("goes where it is told, but over nothing", async () => {
    const tenant = await freshTenant();
    const credentialPath = join(tenant.layout.folder, "elsewhere", "pi.json");
    await enrol(tenant, request("pi-01", { credentialPath }));
    await expect(enrol(tenant, request("pi-02", { credentialPath }))).rejects.toMatchObject({
      code: "CONFLICT",
    });
    expect((await credentialOf({ credential: credentialPath })).client).toBe("pi-01");
  });

  test("names the recipient that the owner can send mail to", async () => {
    const tenant = await freshTenant();
    const credential = await credentialOf(await enrol(tenant, request("pi-01")));
    const record = await readClient(tenant.state, "pi-01");
    expect(record?.ageRecipient).toBe(await identityToRecipient(credential.ageIdentity));
  });
});

describe("enrolled again", () => {
  test("needs to be asked for", async () => {
    const tenant = await freshTenant();
    await enrol(tenant, request("pi-01"));
    await expect(enrol(tenant, request("pi-01"))).rejects.toMatchObject({ code: "CONFLICT" });
  });

  test("everything secret is new, but what was sent remains readable", async () => {
    const tenant = await freshTenant();
    const first = await enrol(tenant, request("pi-01"));
    const old = await credentialOf(first);
    const second = await enrol(tenant, request("pi-01", { again: true }));
    const fresh = await credentialOf(second);
    expect(second).toMatchObject({ again: true, serial: first.serial + 1 });
    expect(fresh.secret).not.toEqual(old.secret);
    expect(fresh.halves).not.toEqual(old.halves);
    expect(fresh.ageIdentity).not.toBe(old.ageIdentity);
    expect(fresh.signingKey).toEqual(old.signingKey);
    expect(fresh.groupKey).toEqual(old.groupKey);
  });

  test("the signing key is new where asked for", async () => {
    const tenant = await freshTenant();
    const old = await credentialOf(await enrol(tenant, request("pi-01")));
    const renewed = request("pi-01", { again: true, newSigningKey: true });
    expect((await credentialOf(await enrol(tenant, renewed))).signingKey).not.toEqual(
      old.signingKey,
    );
  });

  test("lets a revoked client back in", async () => {
    const tenant = await freshTenant();
    await enrol(tenant, request("pi-01"));
    await revoke(tenant, "pi-01");
    const { bundle } = await enrol(tenant, request("pi-01", { again: true }));
    const { enrolment } = await atTheBridge(tenant, bundle);
    expect(enrolment.enrolment).toMatchObject({ status: "active", serial: 4 });
  });
});

describe("refused", () => {
  test.each([
    ["no topic", { publish: [] }],
    ["an empty topic", { publish: [""] }],
    ["a topic with a line break", { publish: ["a\nb"] }],
    ["an end in the past", { validUntilMs: 1 }],
    ["an end that is none", { validUntilMs: Number.NaN }],
    ["an end within a millisecond", { validUntilMs: Date.now() + 1e9 + 0.5 }],
    ["a beginning before 1970", { validFromMs: -1 }],
    ["an address without a scheme", { addresses: { mqtt: ["bridge:8883"] } }],
  ])("%s, before a serial is used", async (_, rest) => {
    const tenant = await freshTenant();
    await expect(enrol(tenant, request("pi-01", rest))).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
    });
    expect((await enrol(tenant, request("pi-01"))).serial).toBe(2);
  });

  test("a serial counter that somebody put back", async () => {
    const tenant = await freshTenant();
    const counter = join(tenant.layout.state, "serial");
    const before = await readFile(counter);
    await enrol(tenant, request("pi-01"));
    await writeFile(counter, before);
    await expect(enrol(tenant, request("pi-01", { again: true }))).rejects.toMatchObject({
      code: "ROLLED_BACK",
    });
  });
});

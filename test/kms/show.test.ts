import { identityToRecipient } from "age-encryption";
import { describe, expect, test } from "vitest";
import { defaultGroup } from "../../core/wire/store.ts";
import { grant } from "../../kms/change-grants.ts";
import { enrol } from "../../kms/enrol.ts";
import { revoke } from "../../kms/revoke.ts";
import { showClient, showTenant } from "../../kms/show.ts";
import { openTenant } from "../../kms/tenant.ts";
import { testCertificate } from "../support/certificate/certificate.ts";
import { readCredential } from "./at-the-bridge.ts";
import { makeTenant } from "./fixture.ts";

const DAY_MS = 86_400_000;

describe("what the owner knows", () => {
  test("of the tenant", async () => {
    const { ca } = await testCertificate();
    const options = await makeTenant({
      addresses: { mqtt: ["mqtts://a:1"], http: ["https://a:2"], ca },
    });
    const tenant = await openTenant(options);
    await enrol(tenant, { client: "pi-01", publish: ["a"], subscribe: [] });
    expect(await showTenant(tenant)).toMatchObject({
      tenant: "acme",
      kmsPublicKey: options.made.kmsPublicKey,
      epochs: [{ epoch: 1, suite: "rsa", bits: 2048 }],
      serial: 2,
      clients: 1,
      kafka: { partitions: 1 },
      recipients: [await identityToRecipient(options.identity)],
      mqtt: ["mqtts://a:1"],
      http: ["https://a:2"],
    });
  });

  test("of a client: its topics, when they are in force, and its keys", async () => {
    const tenant = await openTenant(await makeTenant({ suite: "p256" }));
    const nowMs = Date.now();
    const client = "pi-01";
    const { credential } = await enrol(tenant, {
      client,
      publish: ["a"],
      subscribe: [],
      signs: true,
    });
    const validUntilMs = nowMs + DAY_MS;
    await grant(tenant, { client, publish: ["b"], subscribe: [], validUntilMs });
    await grant(tenant, { client, publish: [], subscribe: ["c"], validFromMs: nowMs + DAY_MS });
    const shown = await showClient(tenant, client, nowMs);
    expect(shown).toMatchObject({
      status: "active",
      serial: 4,
      signs: true,
      epochs: [{ epoch: 1, suite: "p256", reads: true }],
      group: defaultGroup((await readCredential(credential)).groupKey),
      topics: [
        { name: "a", ops: ["pub"], validFromMs: null, validUntilMs: null, state: "in force" },
        { name: "b", validUntilMs, state: "in force" },
        { name: "c", ops: ["sub"], validFromMs: nowMs + DAY_MS, state: "not yet" },
      ],
    });
    const later = await showClient(tenant, client, nowMs + DAY_MS);
    expect(later.topics.map(({ state }) => state)).toEqual(["in force", "ended", "in force"]);
    await revoke(tenant, client);
    expect(await showClient(tenant, client)).toMatchObject({ status: "revoked", serial: 5 });
  });

  test("of nobody, or what is no name", async () => {
    const tenant = await openTenant(await makeTenant({ suite: "p256" }));
    await expect(showClient(tenant, "who")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(showClient(tenant, "../head")).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
  });
});

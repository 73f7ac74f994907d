/**
 * Attack: an announcement under another producer's kid, at the real registry on a real Kafka.
 * Holds: a client with `pub` and `sub` on one topic, and thus the victim's data key; see
 *   test/attacks/another-producers-name.test.ts for what follows where this succeeds.
 * Does: announces the victim's commit in its own name: at the victim's bridge, and at another bridge right after.
 * VeilMQ: every bridge refuses it, reading Kafka to its present end before it takes a kid it does not know.
 * PROTOCOL.md §3 (Key announcement), §4 (Internal Kafka topics).
 */
import { randomBytes } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { AEAD } from "../../../core/scheme/record/header.ts";
import { SUITE } from "../../../core/scheme/suite.ts";
import { Party } from "../../attacks/victim.ts";
import { testDirectory, testRegistry } from "../../support/bridge-parts.ts";
import { freshName } from "../../support/cluster.ts";
import { testFolder } from "../../support/folder.ts";
import { TestTenant, testIdentity } from "../../support/signed-tenant.ts";

let identity: string;
beforeAll(async () => {
  identity = await testIdentity();
});

test("a kid stays with the producer that announced it first, on every bridge", async () => {
  const tenant = new TestTenant(freshName("t"));
  const { directory } = await testDirectory([tenant], identity);
  await directory.import([await tenant.head(identity, 1)]);
  const here = await testRegistry(directory, [tenant], await testFolder());
  const there = await testRegistry(directory, [tenant], await testFolder());

  const [pump, mallory] = [new Party("pump"), new Party("mallory")];
  const { key, wrapped } = pump.makeKey("plant/boiler");
  expect([key.suite, key.aead]).toEqual([SUITE.rsa, AEAD.aes256Gcm]);
  const { kid, commit } = key;
  const at = { tenant: tenant.name, tag: randomBytes(32), kid };
  const honest = pump.announce({ wrapped, commit });
  const planted = mallory.announce({ wrapped: mallory.makeKey("plant/boiler").wrapped, commit });
  const entryOf = (announcement: Buffer, producer: Party) => {
    return { producerId: producer.id, announcement, cert: producer.certificate() };
  };

  await here.register({ ...at, producerId: "pump" }, entryOf(honest, pump));
  for (const registry of [there, here]) {
    const planting = registry.register({ ...at, producerId: "mallory" }, entryOf(planted, mallory));
    await expect(planting).rejects.toMatchObject({ code: "BAD_RECORD", retryable: false });
    expect(await registry.has({ ...at, producerId: "mallory" })).toBe(false);
    const found = await registry.find(at);
    expect(found.map(({ producerId }) => producerId)).toEqual(["pump"]);
  }
  // A retry of the victim is no attack.
  await there.register({ ...at, producerId: "pump" }, entryOf(honest, pump));
});

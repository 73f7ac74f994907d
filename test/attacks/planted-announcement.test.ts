/**
 * Attack: an announcement planted under a kid that others use.
 * Holds: a client of the tenant (or the bridge) that has seen a kid in Kafka: kids stand in every record's header.
 * Does: announces the same commit in its own name, with a W of its own.
 * Gets: in a registry with one entry for each kid, the true announcement is replaced, and nobody reads the victim's
 *   records any more. If consumers believed it, they would open what the attacker sealed.
 * VeilMQ: the producer's name is in the registry's key, in the derivation and under the signature, so nothing is
 *   replaced and nothing false opens; and the registry refuses a kid that another producer has under the same tag
 *   (test/stack/attacks). Otherwise see another-producers-name.test.ts.
 * PROTOCOL.md §3 (Key announcement, Release), §4 (Internal Kafka topics).
 */
import { expect, test } from "vitest";
import { decodeAnnouncement, kidOf } from "../../core/wire/announcement.ts";
import { registryKey } from "../../core/wire/store.ts";
import { Party, Reader, reading, released } from "./victim.ts";

const TOPIC = "plant/boiler";
const pump = new Party("pump");
const mallory = new Party("mallory");
const consumer = new Party("reader");

const made = pump.makeKey(TOPIC);
const honest = pump.announce({ wrapped: made.wrapped, commit: made.key.commit });
const own = mallory.makeKey(TOPIC);
const planted = mallory.announce({ wrapped: own.wrapped, commit: made.key.commit });

const record = { value: reading(made.key, 0) };
const honestKey = released(consumer, honest, pump.certificate());
const plantedKey = released(consumer, planted, mallory.certificate());

test("in a registry by kid alone the planted one takes the true one's place", async () => {
  const naive = new Map<string, Buffer>();
  for (const announcement of [honest, planted])
    naive.set(kidOf(decodeAnnouncement(announcement)).toString("hex"), announcement);
  expect([...naive.values()]).toEqual([planted]);
  const { readings } = await new Reader(consumer, TOPIC, [plantedKey]).read(record);
  expect(readings).toEqual([]);
});

test("ours: both have their place", () => {
  const entry = { tenant: "acme", tag: Buffer.alloc(32), kid: made.key.kid };
  const [one, two] = ["pump", "mallory"].map((producerId) => registryKey({ ...entry, producerId }));
  expect(one).not.toEqual(two);
});

test.each([
  ["before", [plantedKey, honestKey]],
  ["after", [honestKey, plantedKey]],
])("ours: the consumer opens with the true one, the planted one comes %s", async (_, keys) => {
  const { readings } = await new Reader(consumer, TOPIC, keys).read(record);
  expect(readings.map(({ producer }) => producer)).toEqual(["pump"]);
});

test("ours: what the attacker seals under the planted one does not open", async () => {
  const forged = reading({ ...own.key, kid: made.key.kid }, 1, { value: 99 });
  const { readings, rejects } = await new Reader(consumer, TOPIC, [plantedKey, honestKey]).read({
    key: "mallory",
    value: forged,
  });
  expect(readings).toEqual([]);
  expect(rejects).toHaveLength(1);
});

test.each([
  ["signs in the victim's name with its own key", mallory.certificate()],
  ["brings the victim's certificate", pump.certificate()],
])("ours: an attacker that %s is refused", async (_, cert) => {
  const { commit } = made.key;
  const forged = mallory.announce({ wrapped: own.wrapped, commit, producerId: pump.id });
  const { rejects } = await new Reader(consumer, TOPIC, [released(consumer, forged, cert)]).read(
    record,
  );
  expect(rejects).toHaveLength(1);
});

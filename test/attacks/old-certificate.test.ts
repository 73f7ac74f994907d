/**
 * Attack: an old certificate takes a producer's signatures away. A limit, shown.
 * Holds: the bridge (it hands certificates out) together with a consumer (it has the data key).
 * Does: a producer was enrolled without signatures and later, with the same signing key, enrolled again with `signs`.
 *   The bridge hands the consumers the old certificate: truly signed, for the right path, with the right key.
 * Gets: unsigned records, which any consumer of the topic can forge, are believed again.
 * VeilMQ: bridges refuse old documents (floors); consumers keep no floors and cannot tell: that the certificate is as
 *   of the announcement is what the protocol says. Who needs the signatures enrols with a new signing key: then
 *   the old certificate verifies no announcement of today.
 * PROTOCOL.md §3 (Record, Release), §4 (`enrol --again`, serial).
 */
import { expect, test } from "vitest";
import { Party, Reader, reading, released } from "./victim.ts";

const TOPIC = "plant/boiler";
const pump = new Party("pump");
const consumer = new Party("reader");
const made = pump.makeKey(TOPIC);
const announcement = pump.announce({ wrapped: made.wrapped, commit: made.key.commit });
const forged = { value: reading(made.key, 7, { value: 99 }) };

test("with the certificate in force the unsigned record is refused", async () => {
  const cert = pump.certificate({ serial: 2, signs: true });
  const reader = new Reader(consumer, TOPIC, [released(consumer, announcement, cert)]);
  expect((await reader.read(forged)).readings).toEqual([]);
});

test("the limit: with the one before it is believed", async () => {
  const cert = pump.certificate({ serial: 1, signs: false });
  const reader = new Reader(consumer, TOPIC, [released(consumer, announcement, cert)]);
  expect((await reader.read(forged)).readings.map(({ producer }) => producer)).toEqual(["pump"]);
});

test("with a new signing key the old certificate is of no use", async () => {
  const renewed = new Party("pump");
  const key = renewed.makeKey(TOPIC);
  const ann = renewed.announce({ wrapped: key.wrapped, commit: key.key.commit });
  const old = pump.certificate({ serial: 1, signs: false });
  const reader = new Reader(consumer, TOPIC, [released(consumer, ann, old)]);
  const { readings, rejects } = await reader.read({ value: reading(key.key, 0) });
  expect(readings).toEqual([]);
  expect(rejects[0]?.reason).toMatch(/did not sign/);
});

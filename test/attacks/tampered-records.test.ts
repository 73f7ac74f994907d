/**
 * Attack: records changed, cut or repeated in Kafka.
 * Holds: who can write to Kafka: the operator.
 * Does: changes any bit of a header or ciphertext; drops the signature or the flags that ask for it; appends a record
 *   that is there already, under its own Kafka key, or under another one.
 * Gets: where the header is not authenticated: another time, order or algorithm for a true reading.
 * VeilMQ: the header is AAD, and under the signature; a repeat under its own Kafka key is dropped by kid and sequence,
 *   whatever time Kafka gives it.
 * The limit, shown: marks go by Kafka key, and a true record written again under another key is read again. Its
 *   `id`, kid:seq, is the same, by which whoever reads the output can tell.
 * PROTOCOL.md §3 (Record, Order and repeats).
 */
import { expect, test } from "vitest";
import { RECORD_HEADER_BYTES } from "../../core/scheme/record/header.ts";
import { Party, Reader, reading, released } from "./victim.ts";

const TOPIC = "plant/boiler";
const DAY_MS = 24 * 3600 * 1000;
const pump = new Party("pump");
const consumer = new Party("reader");
const made = pump.makeKey(TOPIC);
const announcement = pump.announce({ wrapped: made.wrapped, commit: made.key.commit });

function readerFor(signs: boolean): Reader {
  return new Reader(consumer, TOPIC, [
    released(consumer, announcement, pump.certificate({ signs })),
  ]);
}

test.each([
  ["unsigned", undefined],
  ["signed", pump.signingKey],
])("ours: no bit of an %s record changes", async (_, signingKey) => {
  const record = reading(made.key, 5, { signingKey });
  const changed = Array.from({ length: record.length * 8 }, (_bit, n) => {
    const value = Buffer.from(record);
    value.writeUInt8(value.readUInt8(n >> 3) ^ (1 << (n & 7)), n >> 3);
    return { value };
  });
  const { readings, rejects } = await readerFor(signingKey !== undefined).read(...changed);
  expect(readings).toEqual([]);
  expect(rejects).toHaveLength(record.length * 8);
});

test("ours: a signature cannot be left out, nor the flag that says there is one", async () => {
  const signed = reading(made.key, 0, { signingKey: pump.signingKey });
  const cut = signed.subarray(0, signed.length - 64);
  const unflagged = Buffer.from(cut);
  unflagged.writeUInt8(unflagged.readUInt8(5) & ~0b10, 5);
  const { readings } = await readerFor(true).read({ value: cut }, { value: unflagged });
  expect(readings).toEqual([]);
  const insider = await readerFor(true).read({ value: reading(made.key, 0) });
  expect(insider.rejects[0]?.reason).toMatch(/not signed/);
});

test("ours: parts of two records do not make a third", async () => {
  const [one, two] = [reading(made.key, 0), reading(made.key, 1)];
  const mixed = Buffer.concat([
    one.subarray(0, RECORD_HEADER_BYTES),
    two.subarray(RECORD_HEADER_BYTES),
  ]);
  expect((await readerFor(false).read({ value: mixed })).readings).toEqual([]);
});

test("ours: a repeat under its own Kafka key is dropped; the limit: under another it is read", async () => {
  const value = reading(made.key, 0);
  const reader = readerFor(false);
  const own = await reader.read({ value }, { value });
  expect([own.readings.length, own.repeats]).toEqual([1, 1]);
  const other = await reader.read({ key: "another", value });
  expect(other.readings.map(({ id }) => id)).toEqual(own.readings.map(({ id }) => id));
});

test("ours: a record of a closed kid is a repeat however late it comes, and hides nothing", async () => {
  const keys = Array.from({ length: 3 }, () => pump.makeKey(TOPIC));
  const certificate = pump.certificate();
  const all = keys.map(({ wrapped, key }) =>
    released(consumer, pump.announce({ wrapped, commit: key.commit }), certificate),
  );
  const reader = new Reader(consumer, TOPIC, all);
  const record = (n: number, seq: number, atDays: number) => {
    const made = keys[n];
    if (!made) throw new Error("no such key");
    return { value: reading(made.key, seq), timestampMs: atDays * DAY_MS };
  };
  const read = await reader.read(record(0, 0, 0), record(1, 0, 1), record(2, 0, 400));
  expect([read.readings.length, read.repeats]).toEqual([3, 0]);
  const late = await reader.read(record(0, 0, 800), record(1, 0, 800), record(2, 1, 801));
  expect([late.readings.length, late.repeats]).toEqual([1, 2]);
});

import { createRequire } from "node:module";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeRecordBatches } from "../../../../core/ports/kafka/record-batch.ts";

const load = createRequire(import.meta.url);
const { RecordBatch } = load("kafkajs/src/protocol/recordBatch/v0");
const encodeRecord = load("kafkajs/src/protocol/recordBatch/record/v0");

interface Entry {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly offsetDelta: number;
  readonly timestampDelta: number;
}

interface Batch {
  readonly firstOffset: number;
  readonly lastOffsetDelta: number;
  readonly entries: readonly Entry[];
}

const TIME = 1_700_000_000_000;
const ATTRIBUTES_AT = 21;
const MAGIC_AT = 16;

/** kafkajs's own encoder, which a real broker accepts, is the other side. */
async function encode({ firstOffset, lastOffsetDelta, entries }: Batch): Promise<Buffer> {
  const records = entries.map((entry) => encodeRecord({ ...entry, headers: { h: "1", i: "" } }));
  const times = { firstTimestamp: TIME, maxTimestamp: TIME + 9 };
  const encoder = await RecordBatch({ firstOffset, lastOffsetDelta, records, ...times });
  return Buffer.from(encoder.buffer);
}

const bytes = fc.option(fc.uint8Array({ maxLength: 300 }).map((b) => Buffer.from(b)));
const batches = fc.array(
  fc.record({
    skipped: fc.nat(1000),
    tail: fc.nat(5),
    records: fc.array(
      fc.record({
        key: bytes,
        value: bytes,
        gap: fc.nat(70),
        timestampDelta: fc.integer({ min: -1000, max: 2 ** 40 }),
      }),
      { minLength: 1, maxLength: 5 },
    ),
  }),
  { maxLength: 4 },
);

/** Lays out batches one after the other with gaps, as compaction leaves them. */
function layOut(shapes: typeof batches extends fc.Arbitrary<infer T> ? T : never): Batch[] {
  let offset = 0;
  return shapes.map(({ skipped, tail, records }) => {
    const firstOffset = offset + skipped;
    let delta = -1;
    const entries = records.map(({ key, value, gap, timestampDelta }) => {
      delta += 1 + gap;
      return { key, value, timestampDelta, offsetDelta: delta };
    });
    const lastOffsetDelta = delta + tail;
    offset = firstOffset + lastOffsetDelta + 1;
    return { firstOffset, lastOffsetDelta, entries };
  });
}

test("gives back what was encoded, from any offset on, and where to read on", async () => {
  await fc.assert(
    fc.asyncProperty(batches, fc.nat(3000), async (shapes, from) => {
      const laidOut = layOut(shapes);
      const encoded = Buffer.concat(await Promise.all(laidOut.map(encode)));
      const expected = laidOut.flatMap(({ firstOffset, entries }) =>
        entries.map(({ key, value, offsetDelta, timestampDelta }) => ({
          offset: BigInt(firstOffset + offsetDelta),
          timestampMs: TIME + timestampDelta,
          key,
          value,
        })),
      );
      const { messages, nextOffset } = decodeRecordBatches(encoded, BigInt(from));
      expect(messages).toEqual(expected.filter(({ offset }) => offset >= from));
      const last = laidOut.at(-1);
      expect(nextOffset).toEqual(last && BigInt(last.firstOffset + last.lastOffsetDelta + 1));
    }),
    { numRuns: 200 },
  );
});

test("leaves a batch that is cut off for the next fetch, wherever it is cut", async () => {
  const entry = { key: null, value: Buffer.from("v"), offsetDelta: 0, timestampDelta: 0 };
  const first = await encode({ firstOffset: 5, lastOffsetDelta: 0, entries: [entry] });
  const both = Buffer.concat([first, first]);
  for (let length = 0; length < both.length; length++) {
    const { messages, nextOffset } = decodeRecordBatches(both.subarray(0, length), 0n);
    expect(messages).toHaveLength(length < first.length ? 0 : 1);
    expect(nextOffset).toBe(length < first.length ? undefined : 6n);
  }
});

test("knows where to read on after a batch that compaction has emptied", async () => {
  const empty = await encode({ firstOffset: 40, lastOffsetDelta: 9, entries: [] });
  expect(decodeRecordBatches(empty, 45n)).toEqual({ messages: [], nextOffset: 50n });
});

test("takes Kafka's time of arrival where the topic says so, and passes over control batches", async () => {
  const entry = { key: null, value: Buffer.from("v"), offsetDelta: 0, timestampDelta: 3 };
  const batch = await encode({ firstOffset: 0, lastOffsetDelta: 0, entries: [entry] });
  batch.writeInt16BE(0x08, ATTRIBUTES_AT);
  expect(decodeRecordBatches(batch, 0n).messages[0]?.timestampMs).toBe(TIME + 9);
  batch.writeInt16BE(0x20, ATTRIBUTES_AT);
  expect(decodeRecordBatches(batch, 0n)).toEqual({ messages: [], nextOffset: 1n });
});

test("refuses compressed, old and damaged batches", async () => {
  const entry = { key: null, value: Buffer.from("value"), offsetDelta: 0, timestampDelta: 0 };
  const batch = await encode({ firstOffset: 0, lastOffsetDelta: 0, entries: [entry] });
  const changed = (change: (copy: Buffer) => void): Buffer => {
    const copy = Buffer.from(batch);
    change(copy);
    return copy;
  };
  const codeOf = (bytes: Buffer): unknown => {
    try {
      decodeRecordBatches(bytes, 0n);
      return "accepted";
    } catch (error) {
      return error instanceof Error && "code" in error ? error.code : error;
    }
  };
  expect(codeOf(changed((copy) => copy.writeInt16BE(4, ATTRIBUTES_AT)))).toBe("CONFIG");
  expect(codeOf(changed((copy) => copy.writeInt8(1, MAGIC_AT)))).toBe("CONFIG");
  expect(codeOf(changed((copy) => copy.writeInt32BE(2, 57)))).toBe("BAD_DOCUMENT");
  expect(codeOf(changed((copy) => copy.writeInt8(0x7e, 61)))).toBe("BAD_DOCUMENT");
  // An end below zero, taken from the back, is that of a whole batch; from there on reading would go backwards.
  const rest = 10;
  const backwards = Buffer.concat([batch, batch, Buffer.alloc(rest)]);
  backwards.writeInt32BE(-rest - batch.length - 12, batch.length + 8);
  expect(codeOf(backwards)).toBe("BAD_DOCUMENT");
});

/** Our produce requests beside kafkajs's own, which real brokers accept; a real broker takes ours in producer.test.ts. */
import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { HEADER_ROOM_BYTES } from "../../../../core/ports/kafka/header-room.ts";
import { encodeProduce, produceRequest } from "../../../../core/ports/kafka/produce-request.ts";
import { decodeRecordBatches } from "../../../../core/ports/kafka/record-batch.ts";
import type { Loan } from "../../../../core/ports/kafka/request-memory.ts";

const load = createRequire(import.meta.url);
const theirs = load("kafkajs/src/protocol/requests/produce/v7/request");
const createRequest = load("kafkajs/src/protocol/request");
const Encoder = load("kafkajs/src/protocol/encoder");

const NOW_MS = 1_700_000_000_000;
const ACKS = -1;
const TIMEOUT_MS = 5000;
const BATCH_AT = 8;
/** Within a batch: where ours says "none" (−1) and kafkajs 0, which without a producer id nobody reads, and the CRC. */
const DIFFERENT = [
  [12, 16],
  [17, 21],
  [51, 57],
] as const;

const bytes = fc.option(fc.uint8Array({ maxLength: 300 }).map((b) => Buffer.from(b)));
const messages = fc.array(fc.record({ key: bytes, value: bytes }), {
  minLength: 1,
  maxLength: 200,
});
const topics = fc.array(
  fc.record({
    topic: fc.string({ minLength: 1, maxLength: 60 }),
    partitions: fc.array(fc.record({ partition: fc.nat(20), messages }), { maxLength: 3 }),
  }),
  { maxLength: 3 },
);

test("a batch reads as what it was made from", () => {
  fc.assert(
    fc.property(messages, (given) => {
      const body = encodeProduce({
        ...{ acks: ACKS, timeoutMs: TIMEOUT_MS, nowMs: NOW_MS },
        topics: [{ topic: "t", partitions: [{ partition: 3, messages: given }] }],
      });
      // transactionalId, acks, timeout, one topic named "t", one partition, its length.
      const at = 2 + 2 + 4 + 4 + 2 + 1 + 4 + BATCH_AT;
      const decoded = decodeRecordBatches(body.subarray(at), 0n);
      expect(decoded.nextOffset).toBe(BigInt(given.length));
      expect(decoded.messages).toEqual(
        given.map(({ key, value }, n) => {
          return { offset: BigInt(n), timestampMs: NOW_MS, key, value };
        }),
      );
    }),
  );
});

test("a request is byte for byte as kafkajs makes it, but for what nobody reads", async () => {
  await fc.assert(
    fc.asyncProperty(topics, async (given) => {
      const own = encodeProduce({
        ...{ acks: ACKS, timeoutMs: TIMEOUT_MS, nowMs: NOW_MS, topics: given },
      });
      const topicData = given.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition, messages: some }) => ({
          partition,
          messages: some.map((message) => ({ ...message, timestamp: NOW_MS })),
        })),
      }));
      const request = theirs({ acks: ACKS, timeout: TIMEOUT_MS, topicData });
      const other: Buffer = (await request.encode()).buffer;
      expect(blank(own, given)).toEqual(blank(other, given));
    }),
    { numRuns: 50 },
  );
});

test("names itself as kafkajs's does", () => {
  const own = produceRequest({ acks: ACKS, timeoutMs: TIMEOUT_MS, topics: [] }, lend().loan);
  const { apiKey, apiVersion, apiName } = theirs({ acks: ACKS, timeout: 1, topicData: [] });
  expect(own).toMatchObject({ apiKey, apiVersion, apiName });
});

describe("behind its header", () => {
  /** As kafkajs's connections do it: the length, the header, the body. */
  const send = async (clientId: string | null, loan: Loan) => {
    const messages = [{ key: null, value: Buffer.alloc(300, 7) }];
    const topics = [{ topic: "t", partitions: [{ partition: 3, messages }] }];
    const options = { acks: ACKS, timeoutMs: TIMEOUT_MS, nowMs: NOW_MS, topics };
    const request = produceRequest(options, loan);
    const sent: Buffer = (await createRequest({ clientId, correlationId: 77, request })).buffer;
    const body = encodeProduce(options);
    const header = new Encoder().writeInt16(request.apiKey).writeInt16(request.apiVersion);
    header.writeInt32(77).writeString(clientId);
    const bytes = Buffer.concat([header.buffer, body]);
    return { sent, wanted: Buffer.concat([new Encoder().writeInt32(bytes.length).buffer, bytes]) };
  };

  it.each([
    ["no client id", null],
    ["a client id", "veilmq-bridge"],
    ["the longest that there is room for", "x".repeat(HEADER_ROOM_BYTES - 14)],
  ])("is where it was written, with %s", async (_, clientId) => {
    const { loan, taken } = lend();
    const { sent, wanted } = await send(clientId, loan);
    expect(sent).toEqual(wanted);
    expect(taken().buffer).toBe(sent.buffer);
  });

  it("is copied where a client id is longer than its room", async () => {
    const { loan, taken } = lend();
    const { sent, wanted } = await send("x".repeat(HEADER_ROOM_BYTES - 13), loan);
    expect(sent).toEqual(wanted);
    expect(taken().buffer).not.toBe(sent.buffer);
  });
});

/** Memory that is not clean. */
function lend(): { loan: Loan; taken: () => Buffer } {
  let taken = Buffer.alloc(0);
  const take = (bytes: number): Buffer => {
    taken = Buffer.alloc(2 * bytes, 0xee);
    return taken;
  };
  return { loan: { take, end: () => undefined }, taken: () => taken };
}

/** A copy with the fields of every batch zeroed that may differ. */
function blank(body: Buffer, given: readonly { topic: string; partitions: readonly unknown[] }[]) {
  const copy = Buffer.from(body);
  let at = 2 + 2 + 4 + 4;
  for (const { topic, partitions } of given) {
    at += 2 + Buffer.byteLength(topic) + 4;
    for (const _ of partitions) {
      const length = copy.readInt32BE(at + 4);
      at += BATCH_AT;
      for (const [from, to] of DIFFERENT) copy.fill(0, at + from, at + to);
      at += length;
    }
  }
  return copy;
}

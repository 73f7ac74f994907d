/**
 * Produce requests, version 7 (without a producer id: neither idempotent nor transactional), and the record batches in
 * them, message format v2:
 *
 *   request   transactionalId(-1 as 2) acks(2) timeout(4) [topic [partition(4) length(4) batch]]
 *   batch     baseOffset(8) length(4) leaderEpoch(4) magic(1) crc(4) attributes(2) lastOffsetDelta(4) baseTimestamp(8)
 *             maxTimestamp(8) producerId(8) producerEpoch(2) baseSequence(4) count(4) records
 *   record    length attributes(1) timestampDelta offsetDelta key value headers          the others zigzag varints
 *
 * kafkajs writes each record into a buffer of its own and copies it four times; that was a seventh of a loaded bridge's
 * time, without the collecting. Here the sizes are summed up first, and everything is written once.
 */
import { crc32C } from "./crc32c.ts";
import { HEADER_ROOM_BYTES } from "./header-room.ts";
import { encoderOf, type KafkajsRequest } from "./kafkajs.ts";
import type { Loan } from "./request-memory.ts";

/** A record to be written. */
export interface ProduceMessage {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

export interface ProduceTopic {
  readonly topic: string;
  readonly partitions: readonly {
    readonly partition: number;
    readonly messages: readonly ProduceMessage[];
  }[];
}

export interface ProduceOptions {
  readonly acks: number;
  /** How long a leader may wait for its followers. */
  readonly timeoutMs: number;
  readonly topics: readonly ProduceTopic[];
  /** The batches' time, milliseconds since 1970; a topic with LogAppendTime has its own. */
  readonly nowMs?: number;
}

const API_KEY = 0;
const API_VERSION = 7;

const BATCH_OVERHEAD_BYTES = 61;
/** What a batch's length does not count: its base offset, and the length. */
const LENGTH_FROM = 12;
/** What its CRC covers: all from the attributes on. */
const CRC_FROM = 21;
const MAGIC_V2 = 2;
const NONE = -1n;

/** Attributes, the deltas' first byte, no headers: what a record has beside its varints, key and value. */
const ATTRIBUTES_BYTES = 1;
const TIMESTAMP_DELTA_BYTES = 1;
const HEADERS_BYTES = 1;

/** Written into what is lent. */
export function produceRequest(options: ProduceOptions, loan: Loan): KafkajsRequest {
  return {
    apiKey: API_KEY,
    apiVersion: API_VERSION,
    apiName: "Produce",
    encode: async () => {
      const body = encodeProduce(options, (bytes) => {
        const end = HEADER_ROOM_BYTES + bytes;
        return loan.take(end).subarray(HEADER_ROOM_BYTES, end);
      });
      return encoderOf(body, HEADER_ROOM_BYTES);
    },
  };
}

/** The body of the request, in what `allocate` gives for its length. */
export function encodeProduce(
  options: ProduceOptions,
  allocate: (bytes: number) => Buffer = Buffer.allocUnsafe,
): Buffer {
  const { acks, timeoutMs, topics, nowMs = Date.now() } = options;
  const batches = topics.map(({ partitions }) =>
    partitions.map(({ messages }) => batchBytes(messages)),
  );
  const writer = new Writer(allocate(bodyBytes(topics, batches)));
  writer.int16(-1);
  writer.int16(acks);
  writer.int32(timeoutMs);
  writer.int32(topics.length);
  for (const [t, { topic, partitions }] of topics.entries()) {
    writer.text(topic);
    writer.int32(partitions.length);
    for (const [p, { partition, messages }] of partitions.entries()) {
      writer.int32(partition);
      writer.int32(batches[t]?.[p] ?? 0);
      writeBatch(writer, messages, nowMs);
    }
  }
  return writer.bytes;
}

function bodyBytes(topics: readonly ProduceTopic[], batches: readonly number[][]): number {
  let bytes = 2 + 2 + 4 + 4;
  for (const [t, { topic }] of topics.entries()) {
    bytes += 2 + Buffer.byteLength(topic) + 4;
    for (const batch of batches[t] ?? []) bytes += 4 + 4 + batch;
  }
  return bytes;
}

function batchBytes(messages: readonly ProduceMessage[]): number {
  let bytes = BATCH_OVERHEAD_BYTES;
  let delta = 0;
  for (const message of messages) {
    const record = recordBytes(message, delta++);
    bytes += varintBytes(record) + record;
  }
  return bytes;
}

/** Behind its length. */
function recordBytes({ key, value }: ProduceMessage, offsetDelta: number): number {
  const fixed = ATTRIBUTES_BYTES + TIMESTAMP_DELTA_BYTES + HEADERS_BYTES;
  return fixed + varintBytes(offsetDelta) + fieldBytes(key) + fieldBytes(value);
}

function fieldBytes(bytes: Buffer | null): number {
  return bytes ? varintBytes(bytes.length) + bytes.length : varintBytes(-1);
}

function writeBatch(writer: Writer, messages: readonly ProduceMessage[], nowMs: number): void {
  const start = writer.at;
  writer.int64(0n);
  const lengthAt = writer.at;
  writer.int32(0);
  writer.int32(-1);
  writer.int8(MAGIC_V2);
  const crcAt = writer.at;
  writer.int32(0);
  writer.int16(0);
  writer.int32(messages.length - 1);
  writer.int64(BigInt(nowMs));
  writer.int64(BigInt(nowMs));
  writer.int64(NONE);
  writer.int16(-1);
  writer.int32(-1);
  writer.int32(messages.length);
  let delta = 0;
  for (const message of messages) writeRecord(writer, message, delta++);
  const batch = writer.bytes.subarray(start, writer.at);
  writer.bytes.writeInt32BE(batch.length - LENGTH_FROM, lengthAt);
  writer.bytes.writeUInt32BE(crc32C(batch.subarray(CRC_FROM)), crcAt);
}

function writeRecord(writer: Writer, message: ProduceMessage, offsetDelta: number): void {
  writer.varint(recordBytes(message, offsetDelta));
  writer.int8(0);
  writer.varint(0);
  writer.varint(offsetDelta);
  writer.field(message.key);
  writer.field(message.value);
  writer.varint(0);
}

/** How many bytes a zigzag varint of 32 bits takes. */
function varintBytes(value: number): number {
  let rest = zigzag(value);
  let bytes = 1;
  for (; rest >= 0x80; rest >>>= 7) bytes += 1;
  return bytes;
}

function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}

/** Writes from the front. */
class Writer {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  int8(value: number): void {
    this.at = this.bytes.writeInt8(value, this.at);
  }

  int16(value: number): void {
    this.at = this.bytes.writeInt16BE(value, this.at);
  }

  int32(value: number): void {
    this.at = this.bytes.writeInt32BE(value, this.at);
  }

  int64(value: bigint): void {
    this.at = this.bytes.writeBigInt64BE(value, this.at);
  }

  text(value: string): void {
    this.int16(Buffer.byteLength(value));
    this.at += this.bytes.write(value, this.at);
  }

  varint(value: number): void {
    let rest = zigzag(value);
    for (; rest >= 0x80; rest >>>= 7) this.bytes[this.at++] = (rest & 0x7f) | 0x80;
    this.bytes[this.at++] = rest;
  }

  field(bytes: Buffer | null): void {
    if (!bytes) {
      this.varint(-1);
      return;
    }
    this.varint(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }
}

/**
 * Kafka's record batches (message format v2) as they come in a fetch.
 *
 * kafkajs's decoder hands over records only. In a compacted topic a batch may have lost its last records, or
 * all of them; where reading goes on is known from the batch alone: its last offset + 1.
 * The CRC is not checked: TCP and TLS guard the way, and records are authenticated end to end.
 */
import { VeilError } from "../../errors.ts";

/** A record as Kafka has it. `key` and `value` are views of the whole fetch: copy what is kept for long. */
export interface KafkaMessage {
  readonly offset: bigint;
  /** When Kafka appended it, where the topic says LogAppendTime. */
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

export interface DecodedBatches {
  readonly messages: readonly KafkaMessage[];
  /** Where to read on; `undefined` if `bytes` holds no complete batch. */
  readonly nextOffset: bigint | undefined;
}

// baseOffset(8) length(4) leaderEpoch(4) magic(1) crc(4) attributes(2) lastOffsetDelta(4) baseTimestamp(8)
// maxTimestamp(8) producerId(8) producerEpoch(2) baseSequence(4) count(4)
const LENGTH_AT = 8;
const BATCH_PREFIX_BYTES = 12;
const MAGIC_AT = 16;
const ATTRIBUTES_AT = 21;
const LAST_DELTA_AT = 23;
const BASE_TIMESTAMP_AT = 27;
const MAX_TIMESTAMP_AT = 35;
const COUNT_AT = 57;
const RECORDS_AT = 61;

const MAGIC_V2 = 2;
const COMPRESSION_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
const CONTROL_BATCH = 0x20;

/**
 * The records at or after `from`; a batch cut off at the end of `bytes` is left for the next fetch.
 * Throws CONFIG for compressed batches and old message formats, BAD_DOCUMENT for a malformed batch.
 */
export function decodeRecordBatches(bytes: Buffer, from: bigint): DecodedBatches {
  const messages: KafkaMessage[] = [];
  let nextOffset: bigint | undefined;
  let at = 0;
  while (bytes.length - at >= BATCH_PREFIX_BYTES) {
    const end = at + BATCH_PREFIX_BYTES + bytes.readInt32BE(at + LENGTH_AT);
    if (end > bytes.length) break;
    // A length below zero would lead backwards.
    if (end <= at) throw malformed();
    nextOffset = decodeBatch(bytes.subarray(at, end), from, messages);
    at = end;
  }
  return { messages, nextOffset };
}

/** Appends the batch's records to `messages`; returns the offset after the batch. */
function decodeBatch(batch: Buffer, from: bigint, messages: KafkaMessage[]): bigint {
  if (batch.length < RECORDS_AT) throw malformed();
  if (batch.readInt8(MAGIC_AT) !== MAGIC_V2)
    throw new VeilError("CONFIG", "a topic holds records in a format from before Kafka 0.11");
  const attributes = batch.readInt16BE(ATTRIBUTES_AT);
  if ((attributes & COMPRESSION_MASK) !== 0)
    throw new VeilError("CONFIG", "a topic is compressed by the broker", {
      hint: "set compression.type=producer for the topic: sealed records do not compress",
    });
  const baseOffset = batch.readBigInt64BE(0);
  const next = baseOffset + BigInt(batch.readInt32BE(LAST_DELTA_AT)) + 1n;
  if ((attributes & CONTROL_BATCH) !== 0) return next;

  const baseTimestamp = Number(batch.readBigInt64BE(BASE_TIMESTAMP_AT));
  const maxTimestamp = Number(batch.readBigInt64BE(MAX_TIMESTAMP_AT));
  const reader = new Reader(batch, RECORDS_AT);
  for (let count = batch.readInt32BE(COUNT_AT); count > 0; count--) {
    const end = reader.varint() + reader.at;
    reader.skip(1);
    const timestampDelta = reader.varint();
    const offset = baseOffset + BigInt(reader.varint());
    const key = reader.bytes();
    const value = reader.bytes();
    // Headers, if a foreign producer wrote any, are passed over.
    reader.moveTo(end);
    const timestampMs =
      (attributes & LOG_APPEND_TIME) === 0 ? baseTimestamp + timestampDelta : maxTimestamp;
    if (offset >= from) messages.push({ offset, timestampMs, key, value });
  }
  return next;
}

class Reader {
  readonly #buffer: Buffer;
  at: number;

  constructor(buffer: Buffer, at: number) {
    this.#buffer = buffer;
    this.at = at;
  }

  /** Zigzag, up to 53 bits: lengths, offsets within a batch, milliseconds. */
  varint(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.#buffer[this.at++];
      if (byte === undefined || factor > Number.MAX_SAFE_INTEGER / 128) throw malformed();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
      factor *= 128;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  bytes(): Buffer | null {
    const length = this.varint();
    if (length < 0) return null;
    const start = this.at;
    this.skip(length);
    return this.#buffer.subarray(start, this.at);
  }

  skip(length: number): void {
    this.moveTo(this.at + length);
  }

  moveTo(at: number): void {
    if (at < this.at || at > this.#buffer.length) throw malformed();
    this.at = at;
  }
}

function malformed(): VeilError {
  return new VeilError("BAD_DOCUMENT", "Kafka sent a malformed record batch");
}

/** Kafka's Fetch request, version 11, without a fetch session: every request names all it wants. */
import { VeilError } from "../../errors.ts";
import { fetchRequestV11, type KafkajsProtocol, type TopicPartitions } from "./kafkajs.ts";

const CONSUMER_REPLICA_ID = -1;
const READ_UNCOMMITTED = 0;
const MIN_BYTES = 1;

export interface FetchFrom {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

export interface FetchOptions {
  /** In the order of preference: the first one's first batch always fits, whatever `maxBytes` says. */
  readonly from: readonly FetchFrom[];
  /** How long the broker may wait for the first byte. */
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly maxPartitionBytes: number;
  /** Added to `maxWaitMs` before the request counts as lost. */
  readonly timeoutMs: number;
}

export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Kafka's error code; 0 is none. */
  readonly errorCode: number;
  /** The offset after the last record that is safe on all in-sync replicas. */
  readonly highWatermark: bigint;
  /** Record batches: see record-batch.ts. */
  readonly records: Buffer;
}

export interface FetchResponse {
  readonly errorCode: number;
  readonly partitions: readonly FetchedPartition[];
}

export function fetchProtocol(options: FetchOptions): KafkajsProtocol<FetchResponse> {
  const { from, maxWaitMs, maxBytes, maxPartitionBytes, timeoutMs } = options;
  return {
    request: fetchRequestV11({
      replicaId: CONSUMER_REPLICA_ID,
      isolationLevel: READ_UNCOMMITTED,
      maxWaitTime: maxWaitMs,
      minBytes: MIN_BYTES,
      maxBytes,
      topics: byTopic(from, maxPartitionBytes),
    }),
    response: { decode: async (payload) => decode(payload), parse: async (response) => response },
    requestTimeout: maxWaitMs + timeoutMs,
  };
}

function byTopic(from: readonly FetchFrom[], maxBytes: number) {
  const topics = new Map<string, { partition: number; fetchOffset: string; maxBytes: number }[]>();
  for (const { topic, partition, offset } of from) {
    const entry = { partition, fetchOffset: offset.toString(), maxBytes };
    const partitions = topics.get(topic);
    if (partitions) partitions.push(entry);
    else topics.set(topic, [entry]);
  }
  return [...topics].map(([topic, partitions]): TopicPartitions<(typeof partitions)[number]> => {
    return { topic, partitions };
  });
}

function decode(payload: Buffer): FetchResponse {
  const reader = new Reader(payload);
  reader.int32(); // throttle time: the broker holds back the answer itself
  const errorCode = reader.int16();
  reader.int32(); // session id
  const partitions: FetchedPartition[] = [];
  for (let topics = reader.int32(); topics > 0; topics--) {
    const topic = reader.bytes(reader.int16()).toString("utf8");
    for (let count = reader.int32(); count > 0; count--)
      partitions.push(decodePartition(reader, topic));
  }
  return { errorCode, partitions };
}

function decodePartition(reader: Reader, topic: string): FetchedPartition {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = reader.int64();
  reader.int64(); // last stable offset
  reader.int64(); // log start offset
  for (let aborted = reader.int32(); aborted > 0; aborted--) {
    reader.int64();
    reader.int64();
  }
  reader.int32(); // preferred read replica: none without a rack
  const records = reader.bytes(Math.max(0, reader.int32()));
  return { topic, partition, errorCode, highWatermark, records };
}

/** Goes forward only. Throws BAD_DOCUMENT past the end, and for a length below zero. */
class Reader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  int16(): number {
    return this.bytes(2).readInt16BE();
  }

  int32(): number {
    return this.bytes(4).readInt32BE();
  }

  int64(): bigint {
    return this.bytes(8).readBigInt64BE();
  }

  bytes(length: number): Buffer {
    const end = this.#at + length;
    if (length < 0 || end > this.#buffer.length)
      throw new VeilError("BAD_DOCUMENT", "Kafka sent a malformed fetch response");
    const part = this.#buffer.subarray(this.#at, end);
    this.#at = end;
    return part;
  }
}

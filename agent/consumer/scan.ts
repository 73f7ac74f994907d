/** Marks from what Kafka holds already, headers only: for a partition that is taken over without a checkpoint. */
import { isVeilError } from "../../core/errors.ts";
import type { Kafka } from "../../core/ports/kafka/client.ts";
import { Feed, type FeedBatch } from "../../core/ports/kafka/feed.ts";
import { Marks } from "./marks.ts";
import { readHeader } from "./opener.ts";

export interface ScanSource {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly partition: number;
  /** The first offset to look at, and the one to stop before. */
  readonly from: bigint;
  readonly to: bigint;
}

/** The marks as they stand before offset `to`. Ends early if `signal` aborts. */
export async function scanMarks(source: ScanSource, signal: AbortSignal): Promise<Marks> {
  const { kafka, topic, partition, from, to } = source;
  const marks = new Marks();
  const done = new AbortController();
  const onPosition = (_topic: string, _partition: number, offset: bigint): void => {
    if (offset >= to) done.abort();
  };
  const feed = new Feed({
    kafka,
    onBatch: async (batch) => advance(marks, batch, to),
    onLost: async () => undefined,
    onPosition,
  });
  feed.add({ topic, partition, offset: from });
  await feed.run(AbortSignal.any([signal, done.signal]));
  return marks;
}

function advance(marks: Marks, batch: FeedBatch, to: bigint): void {
  for (const message of batch.messages) {
    if (message.offset >= to) return;
    try {
      const { position } = readHeader(message);
      if (!marks.isRepeat(position)) marks.advance(position, message.timestampMs);
    } catch (error) {
      // What is no record was rejected when it was read.
      if (!isVeilError(error)) throw error;
    }
  }
}

/** Reads whole topics: once up to an end, or from the beginning and then on. */
import { isVeilError, VeilError } from "../../errors.ts";
import { Backoff } from "../../runtime/backoff.ts";
import { Brokers } from "./brokers.ts";
import type { Kafka } from "./client.ts";
import { Feed, type FeedBatch, type FeedOptions } from "./feed.ts";
import { Frontier } from "./frontier.ts";
import { findPartitions, listOffsets, type OffsetRange } from "./offsets.ts";

const RETRY = { minMs: 100, maxMs: 10_000 };

export interface TopicScanOptions extends Omit<FeedOptions, "onPosition"> {
  readonly topic: string;
  /** Where to resume, by partition; a partition that is not in it is read from its beginning. */
  readonly from?: ReadonlyMap<number, bigint>;
}

/** Follows one topic, all partitions, for ever: what the bridge keeps its internal topics' indexes with. */
export class TopicScan {
  readonly #options: TopicScanOptions;
  readonly #brokers: Brokers;
  readonly #feed: Feed;
  readonly #frontier = new Frontier();

  constructor(options: TopicScanOptions) {
    this.#options = options;
    this.#brokers = new Brokers(options);
    this.#feed = new Feed({
      ...options,
      onPosition: (topic, partition, offset) => this.#frontier.move(topic, partition, offset),
    });
  }

  /**
   * Reads until `signal` aborts and the last handler is done. Kafka being away, also at the start, ends nothing.
   * Rejects with what a handler threw, or with NOT_FOUND or AUTH at the start.
   */
  async run(signal: AbortSignal): Promise<void> {
    const ranges = await retrying(signal, () => this.#ranges());
    for (const { partition, low } of ranges ?? []) {
      const offset = this.#options.from?.get(partition) ?? low;
      const { topic } = this.#options;
      this.#frontier.move(topic, partition, offset);
      this.#feed.add({ topic, partition, offset });
    }
    await this.#feed.run(signal);
    this.#brokers.stop();
  }

  /**
   * Resolves when everything is with the handler that was acknowledged before the call. Throws what is retryable if
   * Kafka cannot say where the topic ends, TIMEOUT if `signal` aborts first.
   */
  async readToEnd(signal: AbortSignal): Promise<void> {
    const ends = new Map((await this.#ranges()).map(({ partition, high }) => [partition, high]));
    if (!(await this.#frontier.reached(this.#options.topic, ends, signal)))
      throw new VeilError("TIMEOUT", "the end of a topic was not reached in time");
  }

  async #ranges(): Promise<readonly OffsetRange[]> {
    const { topic } = this.#options;
    return listOffsets(this.#brokers, topic, await findPartitions(this.#brokers, topic));
  }
}

export interface PartitionScanOptions {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly partition: number;
  /** Where it begins; what is there no more is passed over. */
  readonly first: bigint;
  /** The offset before which the scan ends, not above the partition's end now. */
  readonly end: bigint;
  readonly onBatch: (batch: FeedBatch) => Promise<void>;
}

/**
 * Reads one partition once, from `first` up to `end`. Waits for Kafka as long as it takes. Throws what
 * `onBatch` throws, NOT_FOUND or AUTH, and STOPPED if `signal` aborts.
 */
export async function scanPartition(
  options: PartitionScanOptions,
  signal: AbortSignal,
): Promise<void> {
  const { kafka, topic, partition, first, end, onBatch } = options;
  const brokers = new Brokers({ kafka });
  const ranges = await retrying(signal, () => listOffsets(brokers, topic, [partition]));
  brokers.stop();
  const low = ranges?.[0]?.low ?? 0n;
  const offset = first > low ? first : low;
  const finish = new AbortController();
  const stop = (): void => finish.abort();
  signal.addEventListener("abort", stop);
  if (signal.aborted || offset >= end) stop();
  const feed = new Feed({
    kafka,
    onBatch: async (batch) => {
      const messages = batch.messages.filter(({ offset }) => offset < end);
      if (messages.length > 0) await onBatch({ ...batch, messages });
    },
    // Retention overtook the scan: what is gone needs no reading.
    onLost: async () => undefined,
    onPosition: (_topic, _partition, offset) => {
      if (offset >= end) stop();
    },
  });
  feed.add({ topic, partition, offset });
  await feed.run(finish.signal);
  signal.removeEventListener("abort", stop);
  if (signal.aborted) throw new VeilError("STOPPED", "a scan was interrupted");
}

/** `undefined` if `signal` aborts. Throws what is not retryable. */
async function retrying<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T | undefined> {
  const backoff = new Backoff(RETRY);
  do {
    try {
      return await attempt();
    } catch (error) {
      if (!isVeilError(error) || !error.retryable) throw error;
    }
  } while (await backoff.wait(signal));
  return undefined;
}

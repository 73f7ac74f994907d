/**
 * Reads topics for one group: every partition of every topic that is added, from where the caller says.
 *
 * The group is a name for committed offsets and for Kafka's access control, not a membership: one process reads
 * everything, so there is nothing to divide, no join of three seconds and no rebalance to guard against.
 */

import { VeilError } from "../../errors.ts";
import { Brokers } from "./brokers.ts";
import type { Kafka } from "./client.ts";
import { Feed, type FeedOptions } from "./feed.ts";
import { Frontier } from "./frontier.ts";
import { type GroupOffset, GroupOffsets } from "./group-offsets.ts";
import { findOffset, findPartitions, listOffsets, type OffsetRange } from "./offsets.ts";

/** What is known of a partition that is about to be read. */
export interface StartQuestion extends OffsetRange {
  readonly topic: string;
  /** The group's committed offset, if there is one. */
  readonly committed: bigint | undefined;
  /**
   * The first offset that Kafka took at `timeMs` or later; the offset that the next record will get if there is none
   * yet. May be asked at any time. Throws NOT_FOUND and what is retryable.
   */
  readonly offsetAt: (timeMs: number) => Promise<bigint>;
}

export interface ConsumerOptions extends FeedOptions {
  readonly groupId: string;
  /** Says from which offset to read. One that is not there is reported through `onLost`. */
  readonly startAt: (question: StartQuestion) => Promise<bigint>;
}

export class KafkaConsumer {
  readonly #startAt: ConsumerOptions["startAt"];
  readonly #brokers: Brokers;
  readonly #offsets: GroupOffsets;
  readonly #feed: Feed;
  readonly #frontier = new Frontier();
  readonly #partitions = new Map<string, readonly number[]>();

  constructor(options: ConsumerOptions) {
    const { kafka, groupId }: { kafka: Kafka; groupId: string } = options;
    this.#startAt = options.startAt;
    this.#brokers = new Brokers({ kafka });
    this.#offsets = new GroupOffsets({ brokers: this.#brokers, groupId });
    this.#feed = new Feed({
      ...options,
      onPosition: (topic, partition, offset) => {
        this.#frontier.move(topic, partition, offset);
        options.onPosition?.(topic, partition, offset);
      },
    });
  }

  /**
   * Reads all partitions of `topic` too; a topic that is read already is left alone. One attempt: throws NOT_FOUND,
   * AUTH, what is retryable, and what `startAt` throws; then nothing of the topic is read.
   */
  async addTopic(topic: string): Promise<void> {
    if (this.#partitions.has(topic)) return;
    const partitions = await findPartitions(this.#brokers, topic);
    const ranges = await listOffsets(this.#brokers, topic, partitions);
    const committed = await this.#offsets.fetch(topic, partitions);
    const starts = await Promise.all(
      ranges.map(async ({ partition, low, high }) => {
        const offsetAt = (timeMs: number): Promise<bigint> =>
          findOffset(this.#brokers, { topic, partition, timeMs });
        const question = {
          topic,
          partition,
          low,
          high,
          offsetAt,
          committed: committed.get(partition),
        };
        return { topic, partition, offset: await this.#startAt(question) };
      }),
    );
    this.#partitions.set(topic, partitions);
    for (const start of starts) {
      this.#frontier.move(topic, start.partition, start.offset);
      this.#feed.add(start);
    }
  }

  /**
   * Resolves when everything has been delivered that was acknowledged in `topic` before the call; at once for a topic
   * that is not read. Throws NOT_FOUND or what is retryable where Kafka cannot say where the topic ends, STOPPED if
   * `signal` aborts.
   */
  async readToEnd(topic: string, signal: AbortSignal): Promise<void> {
    const partitions = this.#partitions.get(topic);
    if (!partitions) return;
    const ranges = await listOffsets(this.#brokers, topic, partitions);
    // Removed while Kafka was asked.
    if (!this.#partitions.has(topic)) return;
    const ends = new Map(ranges.map(({ partition, high }) => [partition, high]));
    if (!(await this.#frontier.reached(topic, ends, signal)))
      throw new VeilError("STOPPED", "stopped before a topic was read to its end");
  }

  /** Delivers no further batch of `topic`; one that is with the handler is not taken back. */
  removeTopic(topic: string): void {
    for (const partition of this.#partitions.get(topic) ?? []) this.#feed.remove(topic, partition);
    this.#partitions.delete(topic);
    this.#frontier.remove(topic);
  }

  /** Writes offsets for monitors. Throws what is retryable, and AUTH. */
  async commit(offsets: readonly GroupOffset[]): Promise<void> {
    await this.#offsets.commit(offsets);
  }

  /** Reads until `signal` aborts and the last handler is done. Rejects with what a handler threw. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#feed.run(signal);
  }

  /** After `run`, and after the last commit: hangs up. */
  async stop(): Promise<void> {
    this.#brokers.stop();
  }
}

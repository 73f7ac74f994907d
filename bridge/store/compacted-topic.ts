/**
 * A bridge's internal Kafka topic (PROTOCOL.md §4): one partition, compacted, sealed by who uses it. Entries are
 * appended with acks=all, and everything that any bridge appends is delivered in one order.
 */
import { VeilError } from "../../core/errors.ts";
import type { KafkaAdmin } from "../../core/ports/kafka/admin.ts";
import type { Kafka } from "../../core/ports/kafka/client.ts";
import type { KafkaProducer } from "../../core/ports/kafka/producer.ts";
import { TopicScan } from "../../core/ports/kafka/scan.ts";
import { Backoff } from "../../core/runtime/backoff.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { Appender } from "./appender.ts";
import { BATCH_SETTINGS } from "./batches.ts";
import { MAX_REPLICAS, type Replication } from "./replication.ts";
import { SharedCheck } from "./shared-check.ts";
import type { StoredEntry, TopicEntry } from "./topic-entry.ts";

/** One, so that there is one order. */
const PARTITION = 0;
const RETRY = { minMs: 250, maxMs: 15_000 } as const;
/** Twenty questions a second for the topic's end, whoever asks. */
const MIN_CHECK_INTERVAL_MS = 50;
const DEFAULT_READ_TIMEOUT_MS = 10_000;

/** What the topics of one bridge share. */
export interface KafkaAccess {
  readonly kafka: Kafka;
  readonly admin: KafkaAdmin;
  readonly producer: KafkaProducer;
  readonly replication: Replication;
}

export interface CompactedTopicOptions extends KafkaAccess {
  readonly topic: string;
  readonly log: Logger;
  /** How long `readToEnd()` takes at most; 10 s if not given. */
  readonly readTimeoutMs?: number;
}

export interface FollowOptions {
  /** The first offset to deliver; what compaction removed is skipped. */
  readonly from: bigint;
  /** Takes entries in their order; `next` is the offset after the last of them. Views: copy what is kept. */
  readonly onEntries: (entries: readonly StoredEntry[], next: bigint) => Promise<void>;
  /** The topic is not the one that was read before: everything is delivered again, from its beginning. */
  readonly onAnew: () => Promise<void>;
}

export class CompactedTopic {
  readonly #options: CompactedTopicOptions;
  readonly #appender: Appender;
  readonly #endCheck: SharedCheck;
  readonly #stopping = new AbortController();
  #following: Promise<void> | undefined;
  #scan: TopicScan | undefined;
  /** Where to go on after a handler has failed. */
  #next = 0n;

  constructor(options: CompactedTopicOptions) {
    this.#options = options;
    const { topic, producer } = options;
    this.#appender = new Appender({ topic, partition: PARTITION, producer });
    this.#endCheck = new SharedCheck({
      check: () => this.#reachEnd(),
      minIntervalMs: MIN_CHECK_INTERVAL_MS,
    });
  }

  /** Creates the topic where it is missing. One attempt: rejects with what Kafka rejects with. */
  async create(): Promise<void> {
    const { admin, replication, topic } = this.#options;
    const replicas = await replication.wanted();
    const outcome = await admin.ensureTopic({
      topic,
      partitions: 1,
      replication: replicas,
      config: {
        "cleanup.policy": "compact",
        // One clock, whatever the bridges' are: what was used last when is told by it.
        "message.timestamp.type": "LogAppendTime",
        "min.insync.replicas": replicas === MAX_REPLICAS ? "2" : "1",
        "unclean.leader.election.enable": "false",
        ...BATCH_SETTINGS,
      },
    });
    if (outcome === "exists") replication.judge(await admin.describeTopic(topic));
  }

  /** The offsets that Kafka has now: the first, and the one after the last. One attempt. */
  async range(): Promise<{ low: bigint; high: bigint }> {
    const { admin, topic } = this.#options;
    const [range] = await admin.listOffsets(topic);
    if (!range) throw new VeilError("UNAVAILABLE", "an internal topic has no partition");
    return range;
  }

  /** Begins to deliver, and returns without waiting: `readToEnd()` does. To be called once. */
  follow(options: FollowOptions): void {
    this.#next = options.from;
    this.#following ??= this.#follow(options);
  }

  /** Resolves when the last handler is done. What is not appended by then rejects with STOPPED. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#appender.stop();
    await this.#following;
  }

  /** Resolves when Kafka has the entry with acks=all. Rejects as `Appender.append`. */
  async append(entry: TopicEntry): Promise<void> {
    await this.#appender.append(entry);
  }

  /**
   * Resolves when everything has been delivered that was in the topic when this was called. Rejects with TIMEOUT,
   * STOPPED, or what Kafka rejects with. Any number of callers cost Kafka twenty questions a second.
   */
  async readToEnd(): Promise<void> {
    await this.#endCheck.ask();
  }

  async #reachEnd(): Promise<void> {
    if (!this.#scan || this.#stopping.signal.aborted)
      throw new VeilError("STOPPED", "an internal topic is not followed");
    const timeoutMs = this.#options.readTimeoutMs ?? DEFAULT_READ_TIMEOUT_MS;
    await this.#scan.readToEnd(AbortSignal.timeout(timeoutMs));
  }

  /** Until `stop()`. A handler that fails (a full disk) is given the same entries again, later. */
  async #follow(options: FollowOptions): Promise<void> {
    const { signal } = this.#stopping;
    const backoff = new Backoff(RETRY);
    while (!signal.aborted) {
      this.#scan = this.#newScan(options, backoff);
      try {
        await this.#scan.run(signal);
      } catch (error) {
        this.#options.log.error({ err: error }, "an internal topic cannot be followed");
        await backoff.wait(signal);
      }
    }
  }

  #newScan({ onEntries, onAnew }: FollowOptions, backoff: Backoff): TopicScan {
    const { kafka, topic, log } = this.#options;
    return new TopicScan({
      kafka,
      topic,
      from: new Map([[PARTITION, this.#next]]),
      onBatch: async ({ messages }) => {
        const last = messages.at(-1);
        if (!last) return;
        const entries = messages.flatMap(({ key, value, timestampMs: atMs }) =>
          key ? [{ key, value, atMs }] : [],
        );
        await onEntries(entries, last.offset + 1n);
        this.#next = last.offset + 1n;
        backoff.reset();
      },
      onLost: async ({ low }) => {
        log.warn("an internal topic was cut back or made anew; reading it from its beginning");
        await onAnew();
        this.#next = low;
      },
    });
  }
}

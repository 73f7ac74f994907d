/**
 * Which broker leads each partition of the topics that this bridge serves, followed in ZooKeeper topic by
 * topic: `/brokers/topics` itself is never listed (DESIGN.md, scale).
 */
import { LRUCache } from "lru-cache";
import { isVeilError, VeilError } from "../../core/errors.ts";
import type { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { BrokerList } from "./broker-list.ts";
import { TopicWatch } from "./topic-watch.ts";
import type { Leader, Leaders } from "./types.ts";

/** Kafka's own rule; a name with a slash would be a path elsewhere. */
const TOPIC_NAME = /^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/;

export interface TopicLeadersOptions {
  readonly zookeeper: ZooKeeper;
  readonly brokers: BrokerList;
  readonly log: Logger;
  /** Where Kafka has its nodes, e.g. `/kafka`; the root of ZooKeeper if not given. */
  readonly kafkaRoot?: string | undefined;
  /** Topics followed at a time; beyond, the one not asked for longest is given up. */
  readonly maxTopics: number;
  /** How long `leaders()` waits for a topic's first reading. */
  readonly firstReadTimeoutMs: number;
}

export class TopicLeaders implements Leaders {
  readonly name = "topic leaders";
  readonly #options: TopicLeadersOptions;
  readonly #topics: LRUCache<string, TopicWatch>;
  #stopped = false;

  constructor(options: TopicLeadersOptions) {
    this.#options = options;
    this.#topics = new LRUCache({
      max: options.maxTopics,
      dispose: (watch) => watch.stop(),
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#topics.clear();
  }

  /** Topics followed now. */
  get size(): number {
    return this.#topics.size;
  }

  /** Follows `topic`, or does nothing if it is followed already. Throws BAD_ARGUMENT for what cannot be a topic's name, STOPPED. */
  follow(topic: string): void {
    this.#watch(topic);
  }

  unfollow(topic: string): void {
    this.#topics.delete(topic);
  }

  /**
   * The leaders by partition, as ZooKeeper last told; `null` where there is no such topic. Follows the topic from
   * now on. Throws UNAVAILABLE where it cannot be read in time, LIMIT where too many are asked for at once,
   * BAD_ARGUMENT, STOPPED.
   */
  async leaders(topic: string): Promise<Leader[] | null> {
    const { brokers, firstReadTimeoutMs } = this.#options;
    try {
      const [partitions] = await Promise.all([
        this.#watch(topic).leaders(firstReadTimeoutMs),
        brokers.whenSynced(firstReadTimeoutMs),
      ]);
      return (
        partitions?.map(({ partition, brokerId }) => ({
          partition,
          leader: brokerId === null ? null : brokers.addressOf(brokerId),
        })) ?? null
      );
    } catch (error) {
      if (!isVeilError(error, "STOPPED") || this.#stopped) throw error;
      throw new VeilError("LIMIT", "too many Kafka topics are followed", { cause: error });
    }
  }

  #watch(topic: string): TopicWatch {
    if (this.#stopped) throw new VeilError("STOPPED", "topics are no longer followed");
    const followed = this.#topics.get(topic);
    if (followed) return followed;
    if (!TOPIC_NAME.test(topic))
      throw new VeilError("BAD_ARGUMENT", "not the name of a Kafka topic");
    const { zookeeper, log, kafkaRoot = "" } = this.#options;
    const watch = new TopicWatch({ zookeeper, log, path: `${kafkaRoot}/brokers/topics/${topic}` });
    watch.start();
    this.#topics.set(topic, watch);
    return watch;
  }
}

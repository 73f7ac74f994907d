/**
 * How many brokers keep a topic: min(3, brokers) (PROTOCOL.md §3). Kafka tells only of those that are up now, and a topic
 * that is made while two of three are down would stay on one disk for ever. So the most count that were ever seen here,
 * up or in the list of an older topic's replicas; where `kafka.replication` is given, a topic waits for so many.
 */
import type { KafkaAdmin, TopicDescription } from "../../core/ports/kafka/admin.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { Quiet } from "../../core/runtime/quiet.ts";

/** More are not asked for. */
export const MAX_REPLICAS = 3;
/** A cluster whose topics are all weak is one line a minute. */
const LINES_PER_MINUTE = 1;

export interface ReplicationOptions {
  readonly admin: Pick<KafkaAdmin, "describeCluster">;
  /** From the configuration: what the cluster has when all of it is up. */
  readonly expected?: number | undefined;
  /** A topic is on fewer brokers than it should be: an alarm. */
  readonly onTooFew?: (() => void) | undefined;
  readonly log: Logger;
}

export class Replication {
  readonly #options: ReplicationOptions;
  readonly #told = new Quiet({ perMinute: LINES_PER_MINUTE });
  #brokers = 0;

  constructor(options: ReplicationOptions) {
    this.#options = options;
  }

  /** Of a topic to be made now: with fewer brokers up Kafka refuses it, and it has to wait. Rejects as Kafka does. */
  async wanted(): Promise<number> {
    const { brokers } = await this.#options.admin.describeCluster();
    this.#brokers = Math.max(this.#brokers, brokers.length);
    return this.#wanted();
  }

  /** Looks at a topic that was there before: learns from it, or raises the alarm. */
  judge({ partitions }: Pick<TopicDescription, "partitions">): void {
    const replicas = partitions.map((partition) => partition.replicas);
    this.#brokers = Math.max(this.#brokers, new Set(replicas.flat()).size);
    const found = Math.min(...replicas.map((ids) => ids.length));
    const wanted = this.#wanted();
    if (found >= wanted) return;
    this.#options.onTooFew?.();
    const told = this.#told.take("all");
    if (!told) return;
    const hint = "veilmq bridge check names it; kafka-reassign-partitions.sh gives it more";
    this.#options.log.error(
      { event: "too-few-replicas", found, wanted, hint, ...told },
      "a topic is on fewer brokers than it should be",
    );
  }

  #wanted(): number {
    return this.#options.expected ?? Math.min(MAX_REPLICAS, this.#brokers);
  }
}

/**
 * The Kafka topics of tags, made when an alias is accepted, with the settings of PROTOCOL.md §3. A topic is judged
 * again now and then: another number of partitions than the tenant's would void the order of its records.
 */
import { VeilError } from "../../core/errors.ts";
import type { TopicDescription, TopicSpec } from "../../core/ports/kafka/admin.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { RecentMap } from "../../core/runtime/recent-map.ts";
import { BATCH_SETTINGS } from "../store/batches.ts";
import { MAX_REPLICAS, type Replication } from "../store/replication.ts";

const MAX_KNOWN_TOPICS = 100_000;
/** How long a topic that was found right is taken to be so. */
const TRUST_MS = 10 * 60_000;

/** What the Kafka port's admin offers; `KafkaAdmin` is one. */
export interface TopicAdmin {
  ensureTopic(spec: TopicSpec): Promise<"created" | "exists">;
  describeTopic(topic: string): Promise<Pick<TopicDescription, "partitions">>;
}

/** Per tenant, from its head. */
export interface TopicSettings {
  readonly partitions: number;
  readonly retentionMs: number;
}

interface Known {
  readonly topic: string;
  readonly partitions: number;
}

export interface TopicsOptions {
  readonly admin: TopicAdmin;
  readonly replication: Pick<Replication, "wanted" | "judge">;
  readonly log: Logger;
  /** A topic has another number of partitions than its tenant says: an alarm. */
  readonly onPartitionsChanged: () => void;
}

export class Topics {
  readonly #options: TopicsOptions;
  readonly #known = new RecentMap<string, Known>({
    max: MAX_KNOWN_TOPICS,
    ttlMs: TRUST_MS,
  });
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(options: TopicsOptions) {
    this.#options = options;
  }

  /**
   * Makes the topic if it is not there, and resolves with its name: the same string for all who ask, since to compare two that
   * are equal costs every record. Throws CONFIG if it has another number of partitions than its tenant says or
   * Kafka refuses the settings: the operator must act; UNAVAILABLE and the like while Kafka cannot do it.
   */
  async ensure(topic: string, settings: TopicSettings): Promise<string> {
    const known = this.#known.get(topic);
    if (known?.partitions === settings.partitions) return known.topic;
    const underWay = this.#underWay.get(topic) ?? this.#check(topic, settings);
    await underWay;
    return this.#known.get(topic)?.topic ?? topic;
  }

  /** Kafka says that the topic is gone: the next `ensure` makes it again. */
  forget(topic: string): void {
    this.#known.delete(topic);
  }

  #check(topic: string, settings: TopicSettings): Promise<void> {
    const underWay = this.#make(topic, settings).finally(() => this.#underWay.delete(topic));
    this.#underWay.set(topic, underWay);
    return underWay;
  }

  async #make(topic: string, settings: TopicSettings): Promise<void> {
    const { admin, replication } = this.#options;
    const spec = topicSpec(topic, settings, await replication.wanted());
    if ((await admin.ensureTopic(spec)) === "exists") await this.#compare(topic, settings);
    this.#known.set(topic, { topic, partitions: settings.partitions });
  }

  async #compare(topic: string, { partitions: wanted }: TopicSettings): Promise<void> {
    const { admin, replication } = this.#options;
    const { partitions } = await admin.describeTopic(topic);
    replication.judge({ partitions });
    if (partitions.length === wanted) return;
    this.#options.onPartitionsChanged();
    this.#options.log.error(
      { event: "partitions-changed", found: partitions.length, wanted },
      "a topic has another number of partitions than its tenant: its records are refused",
    );
    throw new VeilError("CONFIG", "the topic's number of partitions was changed");
  }
}

/** The settings of PROTOCOL.md §3 for a data topic. */
export function topicSpec(
  topic: string,
  { partitions, retentionMs }: TopicSettings,
  replication: number,
): TopicSpec {
  return {
    topic,
    partitions,
    replication,
    config: {
      "min.insync.replicas": replication >= MAX_REPLICAS ? "2" : "1",
      "unclean.leader.election.enable": "false",
      "message.timestamp.type": "LogAppendTime",
      "cleanup.policy": "delete",
      "retention.ms": String(retentionMs),
      ...BATCH_SETTINGS,
    },
  };
}

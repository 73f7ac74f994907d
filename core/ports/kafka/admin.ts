/** Topics, their settings and where they end. Every call is one attempt; the caller repeats what is retryable. */
import { isVeilError, VeilError } from "../../errors.ts";
import { pause } from "../../runtime/backoff.ts";
import { Brokers } from "./brokers.ts";
import type { Kafka } from "./client.ts";
import { fromErrorCode, UNKNOWN_TOPIC } from "./kafka-error.ts";
import { metadataProtocol, type PartitionMetadata } from "./metadata.ts";
import { findPartitions, listOffsets, type OffsetRange } from "./offsets.ts";

export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  readonly replication: number;
  /** Topic settings by Kafka's names, such as `cleanup.policy`. */
  readonly config: Readonly<Record<string, string>>;
}

export interface TopicDescription {
  readonly partitions: readonly PartitionMetadata[];
  /** All settings in force, defaults included. */
  readonly config: Readonly<Record<string, string>>;
}

const TOPIC_ALREADY_EXISTS = "TOPIC_ALREADY_EXISTS";
const TOPIC_RESOURCE = 2;
/** The broker's own limit for creating and deleting, below the request's. */
const BROKER_SHARE = 0.8;
const VISIBLE_DEADLINE_MS = 5000;
const VISIBLE_POLL_MS = 25;

export class KafkaAdmin {
  readonly #brokers: Brokers;
  readonly #timeoutMs: number;
  readonly #end = new AbortController();

  constructor(options: { readonly kafka: Kafka }) {
    this.#brokers = new Brokers(options);
    this.#timeoutMs = options.kafka.requestTimeoutMs * BROKER_SHARE;
  }

  /** The brokers that are up, as `host:port`, and whether one of them leads the cluster. */
  async describeCluster(): Promise<{ brokers: readonly string[]; hasController: boolean }> {
    const { brokers, controllerId } = await this.#brokers.metadata([]);
    return {
      brokers: brokers.map(({ host, port }) => `${host}:${port}`),
      hasController: controllerId >= 0,
    };
  }

  /**
   * Creates the topic if it is not there and waits until its partitions can be written to; one that is there is
   * left as it is. Throws CONFIG for settings that Kafka refuses, UNAVAILABLE if fewer brokers are up than replicas wanted.
   */
  async ensureTopic({
    topic,
    partitions,
    replication,
    config,
  }: TopicSpec): Promise<"created" | "exists"> {
    const spec = {
      topic,
      numPartitions: partitions,
      replicationFactor: replication,
      configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
    };
    const outcome = await this.#brokers.callController("creating a topic", async (broker) => {
      try {
        await broker.createTopics({ topics: [spec], timeout: this.#timeoutMs });
        return "created";
      } catch (error) {
        if (isAlreadyThere(error)) return "exists";
        throw error;
      }
    });
    await this.#awaitLeaders(topic);
    return outcome;
  }

  /** By partition: its leader as `host:port`, `null` while it has none. Throws NOT_FOUND if there is no such topic. */
  async leaders(topic: string): Promise<{ partition: number; leader: string | null }[]> {
    const { brokers, topics } = await this.#brokers.metadata([topic]);
    const found = topics.find((candidate) => candidate.topic === topic);
    const error = fromErrorCode(found?.errorCode ?? UNKNOWN_TOPIC, "asking for leaders");
    if (error) throw error;
    const addresses = new Map(brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]));
    return (found?.partitions ?? [])
      .map(({ partition, leader }) => ({ partition, leader: addresses.get(leader) ?? null }))
      .sort((a, b) => a.partition - b.partition);
  }

  /**
   * Asks the leader of the first partition: another broker may not have heard of a new topic. Throws NOT_FOUND if there
   * is no such topic, UNAVAILABLE while that partition has no leader.
   */
  async describeTopic(topic: string): Promise<TopicDescription> {
    const what = "describing a topic";
    const find = await this.#brokers.findLeaders([topic]);
    const leader = find(topic, 0);
    if ("error" in leader) throw leader.error;
    const resources = [{ type: TOPIC_RESOURCE, name: topic }];
    try {
      const partitions = await this.#partitionsKnownTo(leader.nodeId, topic, what);
      const described = await this.#brokers.call(leader.nodeId, what, (broker) =>
        broker.describeConfigs({ resources }),
      );
      const config: Record<string, string> = {};
      for (const { configName, configValue } of described.resources[0]?.configEntries ?? [])
        if (configValue !== null) config[configName] = configValue;
      return { partitions, config };
    } catch (error) {
      this.#brokers.forget(topic);
      throw error;
    }
  }

  /** `false` if there was no such topic. */
  async deleteTopic(topic: string): Promise<boolean> {
    this.#brokers.forget(topic);
    try {
      await this.#brokers.callController("deleting a topic", (broker) =>
        broker.deleteTopics({ topics: [topic], timeout: this.#timeoutMs }),
      );
      return true;
    } catch (error) {
      if (isVeilError(error, "NOT_FOUND")) return false;
      throw error;
    }
  }

  /** Where the topic's partitions begin and end now. Throws NOT_FOUND. */
  async listOffsets(topic: string): Promise<readonly OffsetRange[]> {
    return listOffsets(this.#brokers, topic, await findPartitions(this.#brokers, topic));
  }

  /** Hangs up; calls under way fail. */
  async stop(): Promise<void> {
    this.#end.abort();
    this.#brokers.stop();
  }

  async #awaitLeaders(topic: string): Promise<void> {
    for (const deadline = Date.now() + VISIBLE_DEADLINE_MS; ; ) {
      try {
        await this.#askLeaders(topic);
        return;
      } catch (error) {
        this.#brokers.forget(topic);
        const isNew = isVeilError(error, "NOT_FOUND") || isVeilError(error, "UNAVAILABLE");
        if (!isNew || Date.now() > deadline) throw error;
      }
      if (!(await pause(VISIBLE_POLL_MS, this.#end.signal)))
        throw new VeilError("STOPPED", "creating a topic: the Kafka client is stopped");
    }
  }

  /** That a leader is known does not mean that it knows: it must answer for its log, and have heard of the topic. */
  async #askLeaders(topic: string): Promise<void> {
    const what = "asking the leaders";
    const ranges = await this.listOffsets(topic);
    const find = await this.#brokers.findLeaders([topic]);
    const leaders = new Set<number>();
    for (const { partition } of ranges) {
      const leader = find(topic, partition);
      if ("error" in leader) throw leader.error;
      leaders.add(leader.nodeId);
    }
    for (const leader of leaders) await this.#partitionsKnownTo(leader, topic, what);
  }

  async #partitionsKnownTo(
    nodeId: number,
    topic: string,
    what: string,
  ): Promise<readonly PartitionMetadata[]> {
    const { topics } = await this.#brokers.call(nodeId, what, (broker) =>
      broker.connectionPool.send(metadataProtocol([topic])),
    );
    const error = fromErrorCode(topics[0]?.errorCode ?? UNKNOWN_TOPIC, what);
    if (error) throw error;
    return topics[0]?.partitions ?? [];
  }
}

/** kafkajs collects the errors of all topics of a request; ours has one. */
function isAlreadyThere(error: unknown): boolean {
  if (!(error instanceof Error) || !("errors" in error) || !Array.isArray(error.errors))
    return false;
  const [first]: unknown[] = error.errors;
  return first instanceof Error && "type" in first && first.type === TOPIC_ALREADY_EXISTS;
}

/** Questions that an operator asks of a whole cluster, now and then. A bridge at work never asks them: they name every topic. */

import { Brokers } from "./brokers.ts";
import type { Kafka } from "./client.ts";
import { fromErrorCode } from "./kafka-error.ts";
import type { KafkajsBroker } from "./kafkajs.ts";
import { allTopicsProtocol, type PartitionMetadata } from "./metadata.ts";

const TOPIC_RESOURCE = 2;
const BROKER_RESOURCE = 4;
const TOPICS_AT_ONCE = 200;
/** In a filter of ACLs. */
const ANY = 1;
const ALLOW = 3;
/** Kafka's numbers for operations that change a topic or what is in it. */
const CHANGING: ReadonlyMap<number, string> = new Map([
  [2, "ALL"],
  [4, "WRITE"],
  [5, "CREATE"],
  [6, "DELETE"],
  [7, "ALTER"],
  [11, "ALTER_CONFIGS"],
]);
const SECURITY_DISABLED = "SECURITY_DISABLED";

export interface ListedTopic {
  readonly topic: string;
  readonly partitions: readonly PartitionMetadata[];
}

/** Somebody may change topics. */
export interface ChangingAcl {
  readonly principal: string;
  readonly operation: string;
  /** A topic's name, a prefix of names, or `*`. */
  readonly resource: string;
  readonly isPrefix: boolean;
}

type Config = Readonly<Record<string, string>>;

export class KafkaInspection {
  readonly #brokers: Brokers;

  constructor(options: { readonly kafka: Kafka }) {
    this.#brokers = new Brokers(options);
  }

  /** All topics whose names begin with `prefix`. */
  async topics(prefix: string): Promise<ListedTopic[]> {
    const metadata = await this.#ask("listing topics", (broker) =>
      broker.connectionPool.send(allTopicsProtocol()),
    );
    return metadata.topics
      .filter(({ topic, errorCode }) => topic.startsWith(prefix) && errorCode === 0)
      .map(({ topic, partitions }) => ({ topic, partitions }));
  }

  /** The settings in force of these topics, by topic. */
  async topicConfigs(topics: readonly string[]): Promise<ReadonlyMap<string, Config>> {
    const found = new Map<string, Config>();
    for (let at = 0; at < topics.length; at += TOPICS_AT_ONCE) {
      const names = topics.slice(at, at + TOPICS_AT_ONCE);
      const configs = await this.#configs(names.map((name) => ({ type: TOPIC_RESOURCE, name })));
      names.forEach((name, index) => {
        found.set(name, configs[index] ?? {});
      });
    }
    return found;
  }

  /** The settings of each broker, by its address. */
  async brokerConfigs(): Promise<ReadonlyMap<string, Config>> {
    const { brokers } = await this.#brokers.metadata([]);
    const found = new Map<string, Config>();
    for (const { nodeId, host, port } of brokers) {
      const resources = [{ type: BROKER_RESOURCE, name: String(nodeId) }];
      const described = await this.#brokers.call(nodeId, "describing a broker", (broker) =>
        broker.describeConfigs({ resources }),
      );
      found.set(`${host}:${port}`, configOf(described.resources[0]));
    }
    return found;
  }

  /** Who may change topics, by what Kafka was told; `null` where it has no ACLs at all. Throws AUTH where we may not know. */
  async changingAcls(): Promise<ChangingAcl[] | null> {
    const filter = {
      resourceType: TOPIC_RESOURCE,
      resourceName: null,
      resourcePatternType: ANY,
      principal: null,
      host: null,
      operation: ANY,
      permissionType: ALLOW,
    };
    try {
      const { resources } = await this.#ask("asking for ACLs", (broker) =>
        broker.describeAcls(filter),
      );
      return resources.flatMap(({ resourceName, resourcePatternType, acls }) =>
        acls.flatMap(({ principal, operation }) => {
          const name = CHANGING.get(operation);
          const isPrefix = resourcePatternType === PREFIXED;
          return name ? [{ principal, operation: name, resource: resourceName, isPrefix }] : [];
        }),
      );
    } catch (error) {
      if (error instanceof Error && error.message.includes(SECURITY_DISABLED)) return null;
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#brokers.stop();
  }

  async #configs(resources: readonly { type: number; name: string }[]): Promise<Config[]> {
    const described = await this.#ask("describing topics", (broker) =>
      broker.describeConfigs({ resources }),
    );
    const byName = new Map(
      described.resources.map((resource) => [resource.resourceName, resource]),
    );
    return resources.map(({ name }) => configOf(byName.get(name)));
  }

  async #ask<T>(what: string, use: (broker: KafkajsBroker) => Promise<T>): Promise<T> {
    return this.#brokers.callController(what, use);
  }
}

const PREFIXED = 4;

interface Described {
  readonly errorCode: number;
  readonly configEntries: readonly { configName: string; configValue: string | null }[];
}

function configOf(described: Described | undefined): Config {
  const error = fromErrorCode(described?.errorCode ?? 0, "describing settings");
  if (error) throw error;
  const entries = described?.configEntries ?? [];
  return Object.fromEntries(
    entries.flatMap(({ configName, configValue }) =>
      configValue === null ? [] : [[configName, configValue]],
    ),
  );
}

/** How a bridge reaches ZooKeeper and Kafka, and with what: built here, started by who uses it. */
import { dirname } from "node:path";
import { KafkaAdmin } from "../core/ports/kafka/admin.ts";
import { createKafka } from "../core/ports/kafka/client.ts";
import { KafkaInspection } from "../core/ports/kafka/inspection.ts";
import { KafkaProducer } from "../core/ports/kafka/producer.ts";
import {
  type KafkaSecurity,
  loadKafkaSecurity,
  securityProtocolOf,
} from "../core/ports/kafka/security.ts";
import { ZooKeeper } from "../core/ports/zookeeper/zookeeper.ts";
import { readSecretFile } from "../core/runtime/files.ts";
import type { Logger } from "../core/runtime/log.ts";
import { BrokerList } from "./brokers/broker-list.ts";
import { AskedLeaders, ListedBrokers } from "./brokers/listed.ts";
import { TopicLeaders } from "./brokers/topic-leaders.ts";
import type { BridgeConfig } from "./config.ts";
import { Replication } from "./store/replication.ts";
import { type ListenerTls, readListenerTls } from "./tls.ts";

const ZOOKEEPER_CALL_TIMEOUT_MS = 10_000;
const FIRST_READ_TIMEOUT_MS = 10_000;
const MAX_AUTH_BYTES = 4096;

/** What the files hold that a configuration names for logging in. */
export interface Logins {
  readonly kafka: KafkaSecurity;
  /** `user:password`. */
  readonly zookeeper: string | undefined;
}

/** … and for listening. */
export interface Secrets extends Logins {
  readonly mqtt: ListenerTls | undefined;
  readonly http: ListenerTls | undefined;
  readonly admin: ListenerTls | undefined;
}

/** Throws CONFIG, and SECRET_FILE for a secret that others may read. */
export async function readLogins(config: BridgeConfig): Promise<Logins> {
  const { authFile } = config.zookeeper;
  const [kafka, zookeeper] = await Promise.all([
    loadKafkaSecurity(config.kafka, dirname(config.identityFile)),
    authFile === undefined ? undefined : readSecretFile(authFile, MAX_AUTH_BYTES),
  ]);
  return { kafka, zookeeper: zookeeper?.toString("utf8").trim() };
}

/** Throws as `readLogins`. */
export async function readSecrets(config: BridgeConfig): Promise<Secrets> {
  const [logins, mqtt, http, admin] = await Promise.all([
    readLogins(config),
    readListenerTls(config.mqtt),
    readListenerTls(config.http),
    readListenerTls(config.admin),
  ]);
  return { ...logins, mqtt, http, admin };
}

interface Foundation {
  readonly config: BridgeConfig;
  readonly log: Logger;
}

interface ClusterParts extends Foundation {
  readonly secrets: Logins;
  /** A topic is on fewer brokers than it should be. */
  readonly onTooFewReplicas?: () => void;
}

/** ZooKeeper and Kafka. */
export function buildCluster({ config, log, secrets, onTooFewReplicas }: ClusterParts) {
  const { authFile: _read, ...servers } = config.zookeeper;
  const zookeeper = new ZooKeeper({
    ...servers,
    ...(secrets.zookeeper !== undefined && {
      auth: { scheme: "digest", credential: secrets.zookeeper },
    }),
    callTimeoutMs: ZOOKEEPER_CALL_TIMEOUT_MS,
    log,
  });
  let security = secrets.kafka;
  const brokers = buildBrokers({ config, log, zookeeper });
  const kafka = createKafka({
    brokers: () => brokers.addresses(),
    security: () => security,
    log,
  });
  const admin = new KafkaAdmin({ kafka });
  const inspection = new KafkaInspection({ kafka });
  const producer = new KafkaProducer({ kafka });
  // One of its own: a broker answers one request of a connection at a time, and records must not wait for these.
  const internalProducer = new KafkaProducer({ kafka });
  const expected = config.kafka.replication;
  const replication = new Replication({ admin, expected, onTooFew: onTooFewReplicas, log });
  const internal = { kafka, admin, producer: internalProducer, replication };
  const maxTopics = config.limits.followedTopics;
  const leaders =
    brokers instanceof BrokerList
      ? new TopicLeaders({
          ...{ zookeeper, brokers, log, maxTopics },
          kafkaRoot: config.kafka.root,
          firstReadTimeoutMs: FIRST_READ_TIMEOUT_MS,
        })
      : new AskedLeaders({ admin, maxTopics });
  const setKafkaSecurity = (next: KafkaSecurity): void => {
    security = next;
  };
  return { zookeeper, brokers, leaders, admin, inspection, producer, internal, setKafkaSecurity };
}

function buildBrokers({
  config: { kafka },
  log,
  zookeeper,
}: Foundation & { readonly zookeeper: ZooKeeper }): BrokerList | ListedBrokers {
  if (kafka.brokers) return new ListedBrokers(kafka.brokers);
  return new BrokerList({
    ...{ zookeeper, log },
    kafkaRoot: kafka.root,
    endpoint: { listener: kafka.listener, securityProtocol: securityProtocolOf(kafka) },
    firstReadTimeoutMs: FIRST_READ_TIMEOUT_MS,
  });
}

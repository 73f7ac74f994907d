/** One Kafka broker in ZooKeeper mode, with settings for tests and a demo on one machine. */
import { join } from "node:path";
import { pino } from "pino";
import { KafkaAdmin } from "../../core/ports/kafka/admin.ts";
import { createKafka } from "../../core/ports/kafka/client.ts";
import { ServerProcess } from "./server-process.ts";

const HEAP_MIB = 384;
const PROBE_TIMEOUT_MS = 2000;
const MIB = 2 ** 20;

export interface BrokerOptions {
  readonly id: number;
  readonly folder: string;
  readonly port: number;
  /** `host:port`, or several with commas. */
  readonly zookeeper: string;
  /** What its listener is called; `PLAINTEXT` unless given. */
  readonly listener?: string;
  /** How many brokers the cluster has. */
  readonly brokers: number;
  readonly classpath: string;
}

export function brokerProcess(options: BrokerOptions): ServerProcess {
  const address = `127.0.0.1:${options.port}`;
  return new ServerProcess({
    name: `kafka-${options.id}`,
    folder: options.folder,
    classpath: options.classpath,
    mainClass: "kafka.Kafka",
    heapMiB: HEAP_MIB,
    configName: "server.properties",
    config: brokerConfig(options),
    isReady: async () => (await knownBrokers(address)).includes(address),
  });
}

function brokerConfig({ id, folder, port, zookeeper, brokers, listener }: BrokerOptions) {
  const replication = Math.min(3, brokers);
  return {
    "broker.id": id,
    ...(listener !== undefined && {
      "listener.security.protocol.map": `${listener}:PLAINTEXT`,
      "inter.broker.listener.name": listener,
    }),
    listeners: `${listener ?? "PLAINTEXT"}://127.0.0.1:${port}`,
    "zookeeper.connect": zookeeper,
    "zookeeper.session.timeout.ms": 6000,
    "log.dirs": join(folder, "data"),
    "auto.create.topics.enable": false,
    "offsets.topic.replication.factor": replication,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": replication,
    "transaction.state.log.min.isr": Math.min(2, brokers),
    "group.initial.rebalance.delay.ms": 0,
    // A frozen follower leaves the in-sync set within seconds, not half a minute: acks=all waits for it.
    "replica.lag.time.max.ms": 5000,
    // Leadership moves once on a clean stop; the last broker has nowhere to move it to.
    "controlled.shutdown.max.retries": 1,
    "controlled.shutdown.retry.backoff.ms": 100,
    // Small machines and many short-lived topics.
    "num.network.threads": 2,
    "num.io.threads": 4,
    "background.threads": 2,
    "log.cleaner.dedupe.buffer.size": 16 * MIB,
    "log.cleaner.backoff.ms": 1000,
    "log.index.size.max.bytes": MIB,
  };
}

/** The brokers of which the broker at `address` knows, as `host:port`; none while the cluster has no controller. */
export async function knownBrokers(address: string): Promise<readonly string[]> {
  const kafka = createKafka({
    brokers: async () => [address],
    log: pino({ level: "silent" }),
    connectionTimeoutMs: PROBE_TIMEOUT_MS,
    requestTimeoutMs: PROBE_TIMEOUT_MS,
  });
  const admin = new KafkaAdmin({ kafka });
  try {
    const { brokers, hasController } = await admin.describeCluster();
    return hasController ? brokers : [];
  } finally {
    await admin.stop();
  }
}

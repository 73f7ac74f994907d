/** What a bridge is made of, from its configuration: built here, started by bridge.ts. Nothing in here begins anything. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { VeilError } from "../core/errors.ts";
import { KafkaAdmin } from "../core/ports/kafka/admin.ts";
import { createKafka } from "../core/ports/kafka/client.ts";
import { KafkaProducer } from "../core/ports/kafka/producer.ts";
import { ZooKeeper } from "../core/ports/zookeeper/zookeeper.ts";
import type { Logger } from "../core/runtime/log.ts";
import { importPublicKey } from "../core/wire/keys.ts";
import { BrokerList } from "./brokers/broker-list.ts";
import { TopicLeaders } from "./brokers/topic-leaders.ts";
import type { BridgeConfig, ListenerConfig } from "./config.ts";
import { VerifiedDirectory } from "./directory/directory.ts";
import { readIdentities } from "./directory/identity.ts";
import { AdminServer } from "./http/admin-server.ts";
import { FreshDirectory } from "./http/fresh-directory.ts";
import { Health } from "./http/health.ts";
import type { ListenAt } from "./http/listener.ts";
import { HttpMetrics } from "./http/metrics.ts";
import { PublicServer } from "./http/public-server.ts";
import { bridgeStatus } from "./http/status.ts";
import { Ingress } from "./ingress/ingress.ts";
import { Matching } from "./matching/matching.ts";
import { BridgeMetrics } from "./metrics.ts";
import { KafkaRegistry } from "./registry/registry.ts";
import { Topics } from "./writer/topics.ts";
import { Writer } from "./writer/writer.ts";

const ZOOKEEPER_CALL_TIMEOUT_MS = 10_000;
const FIRST_READ_TIMEOUT_MS = 10_000;
/** For ZooKeeper and Kafka to be there and the directory to be read: a supervisor starts us again. */
const LOAD_TIMEOUT_MS = 120_000;

const { version }: { version: string } = createRequire(import.meta.url)("veilmq/package.json");

export type Assembly = Awaited<ReturnType<typeof assemble>>;

/** Reads the identity and the certificates; throws SECRET_FILE, CONFIG. */
export async function assemble(config: BridgeConfig, log: Logger) {
  const metrics = new BridgeMetrics();
  const cluster = buildCluster(config, log);
  const state = buildState({
    config,
    log,
    cluster,
    identities: await readIdentities(config.identityFile),
  });
  const intake = buildIntake({
    config,
    log,
    cluster,
    state,
    metrics,
    tls: await readTls(config.mqtt),
  });
  const listeners = await buildListeners({ config, log, cluster, state, intake, metrics });
  return { ...cluster, ...state, ...intake, ...listeners, metrics };
}

/** ZooKeeper and Kafka. */
function buildCluster(
  { zookeeper: settings, kafka: { listener }, limits }: BridgeConfig,
  log: Logger,
) {
  const zookeeper = new ZooKeeper({ ...settings, callTimeoutMs: ZOOKEEPER_CALL_TIMEOUT_MS, log });
  const firstReadTimeoutMs = FIRST_READ_TIMEOUT_MS;
  const brokers = new BrokerList({
    zookeeper,
    log,
    firstReadTimeoutMs,
    ...(listener !== undefined && { endpoint: { listener } }),
  });
  const maxTopics = limits.followedTopics;
  const leaders = new TopicLeaders({ zookeeper, brokers, log, maxTopics, firstReadTimeoutMs });
  const kafka = createKafka({ brokers: () => brokers.addresses(), log });
  const admin = new KafkaAdmin({ kafka });
  const producer = new KafkaProducer({ kafka });
  // One of its own: a broker answers one request of a connection at a time, and records must not wait for these.
  const internal = { kafka, admin, producer: new KafkaProducer({ kafka }) };
  return { zookeeper, brokers, leaders, admin, producer, internal };
}

interface Foundation {
  readonly config: BridgeConfig;
  readonly log: Logger;
  readonly cluster: ReturnType<typeof buildCluster>;
}

/** What all bridges share: the directory and the registry. */
function buildState({ config, log, cluster, identities }: Foundation & { identities: string[] }) {
  const { zookeeper, internal: access } = cluster;
  const tenants = new Map(
    config.tenants.map(({ name, kmsPublicKey }) => [name, importPublicKey(kmsPublicKey)]),
  );
  const directory = new VerifiedDirectory({
    tenants,
    identities,
    zookeeper,
    access,
    loadTimeoutMs: LOAD_TIMEOUT_MS,
    log,
  });
  const registry = new KafkaRegistry({
    directory,
    tenants: [...tenants.keys()],
    access,
    folder: join(config.stateDir, "registry"),
    log,
  });
  return { directory, registry };
}

/** From the devices to Kafka. */
function buildIntake({
  config: { mqtt, limits },
  log,
  cluster: { admin, producer },
  state: { directory, registry },
  metrics,
  tls,
}: Foundation & {
  state: ReturnType<typeof buildState>;
  metrics: BridgeMetrics;
  tls: ListenAt["tls"];
}) {
  const matching = new Matching({ onMatch: (source) => metrics.matched(source) });
  const writer = new Writer({
    send: async (batches, onResult) => {
      await producer.send(batches, onResult);
    },
    log,
    onPressure: (isHigh) => ingress.setPaused(isHigh),
  });
  const onPartitionsChanged = (): void => metrics.partitionsChanged();
  const topics = new Topics({ admin, log, onPartitionsChanged });
  const ingress = new Ingress({
    listener: {
      host: mqtt.host,
      port: mqtt.port,
      allowPlaintext: mqtt.insecurePlaintext,
      limits: { maxConnections: limits.mqttConnections },
      ...(tls && { tls }),
    },
    directory,
    matching,
    topics,
    registry,
    writer,
    metrics,
    log,
  });
  return { matching, writer, ingress };
}

/** What answers over HTTP. */
async function buildListeners({
  config,
  log,
  cluster: { zookeeper, brokers, leaders, admin },
  state: { directory, registry },
  intake: { matching },
  metrics,
}: Foundation & {
  state: ReturnType<typeof buildState>;
  intake: ReturnType<typeof buildIntake>;
  metrics: BridgeMetrics;
}) {
  const { directoryMaxAgeMs: maxAgeMs, stateDir, limits } = config;
  const health = new Health({ admin, zookeeper, stateDir });
  const httpMetrics = new HttpMetrics(metrics.registry);
  const http = new PublicServer({
    at: await listenAt(config.http),
    limits,
    verified: directory,
    directory: new FreshDirectory({ directory, maxAgeMs }),
    matching,
    registry,
    leaders: (topic) => leaders.leaders(topic),
    brokers: () => brokers.addresses(),
    status: () => bridgeStatus({ health, zookeeper, directory, maxAgeMs }),
    version,
    metrics: httpMetrics,
    log,
  });
  const adminServer = new AdminServer({
    at: await listenAt(config.admin),
    health,
    report: () => metrics.text(),
    metrics: httpMetrics,
    log,
  });
  return { http, adminServer };
}

async function listenAt(config: ListenerConfig): Promise<ListenAt> {
  const { host, port } = config;
  return { host, port, tls: await readTls(config) };
}

/** Throws CONFIG where a file cannot be read. */
async function readTls({ tls }: ListenerConfig): Promise<ListenAt["tls"]> {
  if (!tls) return undefined;
  try {
    const [cert, key] = await Promise.all([readFile(tls.cert), readFile(tls.key)]);
    return { cert, key };
  } catch (cause) {
    throw new VeilError("CONFIG", "a listener's certificate or key cannot be read", { cause });
  }
}

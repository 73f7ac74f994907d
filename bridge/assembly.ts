/** What a bridge is made of, from its configuration: built here, started by bridge.ts. Nothing in here begins anything. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { KafkaAdmin } from "../core/ports/kafka/admin.ts";
import { createKafka } from "../core/ports/kafka/client.ts";
import { KafkaProducer } from "../core/ports/kafka/producer.ts";
import {
  type KafkaSecurity,
  loadKafkaSecurity,
  securityProtocolOf,
} from "../core/ports/kafka/security.ts";
import { ZooKeeper } from "../core/ports/zookeeper/zookeeper.ts";
import { readSecretFile } from "../core/runtime/files.ts";
import type { Logger } from "../core/runtime/log.ts";
import { importPublicKey } from "../core/wire/keys.ts";
import { BrokerList } from "./brokers/broker-list.ts";
import { AskedLeaders, ListedBrokers } from "./brokers/listed.ts";
import { TopicLeaders } from "./brokers/topic-leaders.ts";
import type { BridgeConfig } from "./config.ts";
import { VerifiedDirectory } from "./directory/directory.ts";
import { readIdentities } from "./directory/identity.ts";
import { AdminServer } from "./http/admin-server.ts";
import { FreshDirectory } from "./http/fresh-directory.ts";
import { Health } from "./http/health.ts";
import { HttpMetrics } from "./http/metrics.ts";
import { PublicServer } from "./http/public-server.ts";
import { bridgeStatus } from "./http/status.ts";
import { Ingress } from "./ingress/ingress.ts";

import { Limits } from "./limits/limits.ts";
import { Mailboxes } from "./mail/mailboxes.ts";

import { Matching } from "./matching/matching.ts";
import { BridgeMetrics } from "./metrics.ts";
import { KafkaRegistry } from "./registry/registry.ts";
import { type ListenerTls, readListenerTls } from "./tls.ts";
import { Topics } from "./writer/topics.ts";
import { Writer } from "./writer/writer.ts";

const ZOOKEEPER_CALL_TIMEOUT_MS = 10_000;
const FIRST_READ_TIMEOUT_MS = 10_000;
const MAX_AUTH_BYTES = 4096;
/** For ZooKeeper and Kafka to be there and the directory to be read: a supervisor starts us again. */
const LOAD_TIMEOUT_MS = 120_000;

const { version }: { version: string } = createRequire(import.meta.url)("veilmq/package.json");

export type Assembly = Awaited<ReturnType<typeof assemble>>;

/** The contents of the files that a configuration names. */
export interface Secrets {
  readonly kafka: KafkaSecurity;
  /** `user:password`. */
  readonly zookeeper: string | undefined;
  readonly mqtt: ListenerTls | undefined;
  readonly http: ListenerTls | undefined;
  readonly admin: ListenerTls | undefined;
}

/** Throws CONFIG, and SECRET_FILE for a secret that others may read. */
export async function readSecrets(config: BridgeConfig): Promise<Secrets> {
  const { authFile } = config.zookeeper;
  const [kafka, zookeeper, mqtt, http, admin] = await Promise.all([
    loadKafkaSecurity(config.kafka, dirname(config.identityFile)),
    authFile === undefined ? undefined : readSecretFile(authFile, MAX_AUTH_BYTES),
    readListenerTls(config.mqtt),
    readListenerTls(config.http),
    readListenerTls(config.admin),
  ]);
  return { kafka, zookeeper: zookeeper?.toString("utf8").trim(), mqtt, http, admin };
}

/** Reads the identity and the certificates; throws SECRET_FILE, CONFIG. */
export async function assemble(config: BridgeConfig, log: Logger) {
  const metrics = new BridgeMetrics();
  const limits = new Limits({ config, metrics, log });
  const secrets = await readSecrets(config);
  const cluster = buildCluster({ config, log, secrets });
  const identities = await readIdentities(config.identityFile);
  const state = buildState({ config, log, cluster, identities });
  const parts = { config, log, cluster, state, metrics, limits, secrets };
  const intake = buildIntake(parts);
  return {
    ...cluster,
    ...state,
    ...intake,
    ...buildListeners({ ...parts, intake }),
    metrics,
    limits,
  };
}

interface Foundation {
  readonly config: BridgeConfig;
  readonly log: Logger;
}

/** ZooKeeper and Kafka. */
export function buildCluster({ config, log, secrets }: Foundation & { readonly secrets: Secrets }) {
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
  const producer = new KafkaProducer({ kafka });
  // One of its own: a broker answers one request of a connection at a time, and records must not wait for these.
  const internal = { kafka, admin, producer: new KafkaProducer({ kafka }) };
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
  return { zookeeper, brokers, leaders, admin, producer, internal, setKafkaSecurity };
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

interface Shared extends Foundation {
  readonly cluster: ReturnType<typeof buildCluster>;
}

/** What all bridges share: the directory and the registry. */
function buildState({ config, log, cluster, identities }: Shared & { identities: string[] }) {
  const { zookeeper, internal: access } = cluster;
  const directory = new VerifiedDirectory({
    tenants: tenantKeys(config),
    identities,
    zookeeper,
    access,
    loadTimeoutMs: LOAD_TIMEOUT_MS,
    log,
  });
  const registry = new KafkaRegistry({
    directory,
    tenants: config.tenants.map(({ name }) => name),
    access,
    folder: join(config.stateDir, "registry"),
    log,
  });
  const kmsPublicKey = (tenant: string) => directory.kmsPublicKey(tenant);
  const mailboxes = new Mailboxes({ zookeeper, kmsPublicKey, log });
  return { directory, registry, mailboxes };
}

/** The KMS public keys by tenant. */
export function tenantKeys({ tenants }: Pick<BridgeConfig, "tenants">) {
  return new Map(tenants.map(({ name, kmsPublicKey }) => [name, importPublicKey(kmsPublicKey)]));
}

interface Parts extends Shared {
  readonly state: ReturnType<typeof buildState>;
  readonly metrics: BridgeMetrics;
  readonly limits: Limits;
  readonly secrets: Secrets;
}

/** From the devices to Kafka. */
function buildIntake({ config, log, cluster, state, metrics, limits, secrets }: Parts) {
  const { admin, producer } = cluster;
  const matching = new Matching({ onMatch: (source) => metrics.matched(source) });
  const writer = new Writer({
    send: async (batches, onResult) => {
      await producer.send(batches, onResult);
    },
    log,
    onPressure: (isHigh) => ingress.setPaused(isHigh),
  });
  const onPartitionsChanged = (): void => metrics.partitionsChanged();
  const { host, port, insecurePlaintext } = config.mqtt;
  const ingress = new Ingress({
    listener: {
      host,
      port,
      allowPlaintext: insecurePlaintext,
      limits: { maxConnections: config.limits.mqttConnections },
      ...(secrets.mqtt && { tls: secrets.mqtt }),
    },
    ...state,
    matching,
    topics: new Topics({ admin, log, onPartitionsChanged }),
    writer,
    metrics,
    limits,
    log,
  });
  return { matching, writer, ingress };
}

/** What answers over HTTP. */
function buildListeners({
  config,
  log,
  cluster: { zookeeper, brokers, leaders, admin },
  state: { directory, registry, mailboxes },
  intake: { matching },
  metrics,
  limits,
  secrets,
}: Parts & { readonly intake: ReturnType<typeof buildIntake> }) {
  const { directoryMaxAgeMs: maxAgeMs, stateDir } = config;
  const health = new Health({ admin, zookeeper, stateDir });
  const httpMetrics = new HttpMetrics(metrics.registry);
  const http = new PublicServer({
    at: { ...config.http, tls: secrets.http },
    limits,
    verified: directory,
    directory: new FreshDirectory({ directory, maxAgeMs }),
    matching,
    registry,
    mailboxes,
    leaders: (topic) => leaders.leaders(topic),
    brokers: () => brokers.addresses(),
    status: () => bridgeStatus({ health, zookeeper, directory, maxAgeMs }),
    version,
    metrics: httpMetrics,
    log,
  });
  const adminServer = new AdminServer({
    at: { ...config.admin, tls: secrets.admin },
    health,
    report: () => metrics.text(),
    metrics: httpMetrics,
    log,
  });
  return { http, adminServer };
}

/** What a bridge is made of, from its configuration: built here, started by bridge.ts. Nothing in here begins anything. */
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Logger } from "../core/runtime/log.ts";
import { importPublicKey } from "../core/wire/keys.ts";
import { buildCluster, readSecrets, type Secrets } from "./cluster.ts";
import type { BridgeConfig } from "./config.ts";
import { VerifiedDirectory } from "./directory/directory.ts";
import { readIdentities } from "./directory/identity.ts";
import { AdminServer } from "./http/admin-server.ts";
import { FreshDirectory } from "./http/fresh-directory.ts";
import { Health } from "./http/health.ts";
import { HttpMetrics } from "./http/metrics.ts";
import { PublicServer } from "./http/public-server.ts";
import { Refusals } from "./http/refusals.ts";
import { bridgeStatus } from "./http/status.ts";
import { Ingress } from "./ingress/ingress.ts";

import { Limits } from "./limits/limits.ts";
import { Mailboxes } from "./mail/mailboxes.ts";

import { MAX_KNOWN_TAGS, Matching } from "./matching/matching.ts";
import { TagFile } from "./matching/tag-file.ts";
import { BridgeMetrics } from "./metrics.ts";
import { findOrphans } from "./orphans.ts";
import { KafkaRegistry } from "./registry/registry.ts";
import { LossTopic } from "./rekey/loss-topic.ts";
import { Rekeys } from "./rekey/rekeys.ts";
import { Sightings } from "./sightings.ts";
import { StoreMetrics } from "./store/metrics.ts";
import { Topics } from "./writer/topics.ts";
import { Writer } from "./writer/writer.ts";

/** For ZooKeeper and Kafka to be there and the directory to be read: a supervisor starts us again. */
const LOAD_TIMEOUT_MS = 120_000;

const DAY_MS = 24 * 3600 * 1000;

const { version }: { version: string } = createRequire(import.meta.url)("veilmq/package.json");

export type Assembly = Awaited<ReturnType<typeof assemble>>;

/** Reads the identity and the certificates; throws SECRET_FILE, CONFIG. */
export async function assemble(config: BridgeConfig, log: Logger) {
  const metrics = new BridgeMetrics();
  const limits = new Limits({ config, metrics, log });
  const secrets = await readSecrets(config);
  const storeMetrics = new StoreMetrics(metrics.registry);
  const onTooFewReplicas = (): void => storeMetrics.tooFewReplicas();
  const cluster = buildCluster({ config, log, secrets, onTooFewReplicas });
  const identities = await readIdentities(config.identityFile);
  const state = buildState({ config, log, cluster, identities });
  const sightings = new Sightings();
  const parts = { config, log, cluster, identities, state, metrics, limits, sightings, secrets };
  const intake = buildIntake(parts);
  return {
    ...cluster,
    ...state,
    ...intake,
    ...buildListeners({ ...parts, intake }),
    metrics,
    limits,
    /** Read at the start only. */
    fixedSecrets: { identities, zookeeper: secrets.zookeeper },
  };
}

interface Shared {
  readonly config: BridgeConfig;
  readonly log: Logger;
  readonly cluster: ReturnType<typeof buildCluster>;
}

/** What all bridges share: the directory, the registry, and who has to make new keys. */
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
    outboxMaxAgeMs: config.outboxMaxAgeDays * DAY_MS,
    log,
  });
  const rekeys = new Rekeys({
    directory,
    openLog: (tenant, onLosses) => new LossTopic({ tenant, access, onLosses, log }),
  });
  const kmsPublicKey = (tenant: string) => directory.kmsPublicKey(tenant);
  const mailboxes = new Mailboxes({ zookeeper, kmsPublicKey, log });
  return { directory, registry, rekeys, mailboxes };
}

/** The KMS public keys by tenant. */
export function tenantKeys({ tenants }: Pick<BridgeConfig, "tenants">) {
  return new Map(tenants.map(({ name, kmsPublicKey }) => [name, importPublicKey(kmsPublicKey)]));
}

interface Parts extends Shared {
  readonly identities: readonly string[];
  readonly state: ReturnType<typeof buildState>;
  readonly metrics: BridgeMetrics;
  readonly limits: Limits;
  readonly sightings: Sightings;
  readonly secrets: Secrets;
}

/** From the devices to Kafka. */
function buildIntake(parts: Parts) {
  const { config, log, cluster, identities, state, metrics, limits, sightings, secrets } = parts;
  const { admin, producer, internal } = cluster;
  const { replication } = internal;
  const matching = new Matching({
    onMatch: (source, tenant) => metrics.matched(source, tenant),
    file: new TagFile({
      path: join(config.stateDir, "matches"),
      ...{ identities, maxTags: MAX_KNOWN_TAGS, log },
    }),
  });
  const writer = new Writer({
    send: async (batches, onResult) => {
      await producer.send(batches, onResult);
    },
    log,
    onPressure: (isHigh) => ingress.setPressure(isHigh),
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
    topics: new Topics({ admin, replication, log, onPartitionsChanged }),
    writer,
    metrics,
    limits,
    sightings,
    log,
  });
  return { matching, writer, ingress };
}

/** What answers over HTTP. */
function buildListeners({
  config,
  log,
  cluster: { zookeeper, brokers, leaders, admin, inspection },
  state: { directory, registry, mailboxes },
  intake: { matching },
  metrics,
  limits,
  sightings,
  secrets,
}: Parts & { readonly intake: ReturnType<typeof buildIntake> }) {
  const { directoryMaxAgeMs: maxAgeMs, stateDir } = config;
  const health = new Health({ admin, zookeeper, stateDir });
  const httpMetrics = new HttpMetrics(metrics.registry);
  const refusals = new Refusals({ metrics: httpMetrics, quiet: limits.refusals, sightings, log });
  const http = new PublicServer({
    at: { ...config.http, tls: secrets.http },
    limits,
    sightings,
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
    refusals,
    log,
  });
  const adminServer = new AdminServer({
    at: { ...config.admin, tls: secrets.admin },
    health,
    report: () => metrics.text(),
    clients: () => sightings.list(Date.now()),
    orphans: () =>
      findOrphans({ inspection, directory, tenants: () => directory.tenantNames, maxAgeMs }),
    metrics: httpMetrics,
    refusals,
    log,
  });
  return { http, adminServer };
}

/** Parts of a bridge on the shared cluster, stopped when the test ends. Each call is a bridge of its own. */
import type { Logger } from "pino";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { VerifiedDirectory } from "../../bridge/directory/directory.ts";
import { KafkaRegistry } from "../../bridge/registry/registry.ts";
import type { KafkaAccess } from "../../bridge/store/compacted-topic.ts";
import { Replication } from "../../bridge/store/replication.ts";
import { KafkaAdmin } from "../../core/ports/kafka/admin.ts";
import { KafkaProducer } from "../../core/ports/kafka/producer.ts";
import { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";
import { sharedCluster } from "./cluster.ts";
import { sharedKafka, silentLog } from "./kafka.ts";
import type { TestTenant } from "./signed-tenant.ts";

export async function testZooKeeper(): Promise<ZooKeeper> {
  const zookeeper = new ZooKeeper({
    servers: [sharedCluster().zookeeper],
    sessionTimeoutMs: 15_000,
    callTimeoutMs: 10_000,
    log: silentLog,
  });
  await zookeeper.start();
  onTestFinished(() => zookeeper.stop());
  return zookeeper;
}

export function testAccess(): KafkaAccess {
  const kafka = sharedKafka();
  const admin = new KafkaAdmin({ kafka });
  const producer = new KafkaProducer({ kafka });
  onTestFinished(async () => {
    await admin.stop();
    await producer.stop();
  });
  const replication = new Replication({ admin, log: silentLog });
  return { kafka, admin, producer, replication };
}

export interface DirectoryParts {
  readonly directory: VerifiedDirectory;
  readonly zookeeper: ZooKeeper;
  readonly access: KafkaAccess;
  /** What the directory logged, oldest first. */
  readonly lines: readonly LogLine[];
}
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly path?: string;
  readonly err?: { readonly code?: string };
}

/** A started directory of `tenants`. */
export async function testDirectory(
  tenants: readonly TestTenant[],
  identity: string,
): Promise<DirectoryParts> {
  const zookeeper = await testZooKeeper();
  const access = testAccess();
  const { log, lines } = memoryLog();
  const directory = new VerifiedDirectory({
    tenants: new Map(tenants.map(({ name, kmsPublicKey }) => [name, kmsPublicKey])),
    identities: [identity],
    zookeeper,
    access,
    loadTimeoutMs: 20_000,
    log,
  });
  onTestFinished(() => directory.stop());
  await directory.start();
  return { directory, zookeeper, access, lines };
}

/** A started registry beside `directory`. */
export async function testRegistry(
  directory: VerifiedDirectory,
  tenants: readonly TestTenant[],
  folder: string,
): Promise<KafkaRegistry> {
  const registry = new KafkaRegistry({
    directory,
    tenants: tenants.map(({ name }) => name),
    access: testAccess(),
    folder,
    outboxMaxAgeMs: 60 * 24 * 3600 * 1000,
    log: silentLog,
  });
  onTestFinished(() => registry.stop());
  await registry.start();
  return registry;
}

function memoryLog(): { log: Logger; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const options = {
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: (error: { code?: string }) => ({ code: error.code }) },
  };
  const log = pino(options, { write: (line: string) => lines.push(JSON.parse(line)) });
  return { log, lines };
}

/**
 * What the bridge's benchmark measures: one Kafka broker and ZooKeeper, a bridge, and beside it on the same broker what it
 * is compared with. One is loaded at a time.
 */
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pino } from "pino";
import { topicSpec } from "../../../bridge/writer/topics.ts";
import { VeilError } from "../../../core/errors.ts";
import { KafkaAdmin } from "../../../core/ports/kafka/admin.ts";
import { createKafka } from "../../../core/ports/kafka/client.ts";
import { packageFile } from "../../../core/runtime/package.ts";
import { SEQ_AT } from "../../../core/scheme/record/header.ts";
import { DEFAULT_RETENTION_MS } from "../../../core/wire/directory.ts";
import { formatUpstream } from "../../../core/wire/mqtt.ts";
import { type Cluster, startCluster } from "../../../demo/cluster/cluster.ts";
import { GuardedProcess } from "../../../demo/guarded-process.ts";
import type { NodeSettings } from "../../../demo/veilmq.ts";
import { profileOf, type Shares } from "../framework/profile.ts";
import { installed, unitSettings } from "../framework/unit-settings.ts";
import { deviceKit, recordPublisher } from "../load/device-kit.ts";
import { Generator } from "../load/generator.ts";
import type { PublisherOptions } from "../load/publisher.ts";
import { Operator } from "../rig/operator.ts";

/** Devices share topics, as fleets do. */
export const TOPICS = 10;
const BUNDLE = "bundle";
const UNIT = "veilmq-bridge.service";
const BASELINE = packageFile("dist", "test", "bench", "bridge", "baseline-process.js");

/** Something that takes publishes. */
export interface Target {
  readonly name: string;
  readonly pid: number;
  /** So many publishers of so many bytes each. */
  publishers(count: number, size: number): PublisherOptions[];
}

export interface Targets {
  readonly bridge: Target;
  readonly plain: Target;
  readonly aedes: Target;
}

export interface BridgeRig {
  readonly cluster: Cluster;
  readonly generator: Generator;
  /** Kafka topics of the baseline. */
  readonly plainTopics: readonly string[];
  /** Calls `use` with new processes of all, all of them up, and ends them. */
  withTargets<T>(use: (targets: Targets) => Promise<T>): Promise<T>;
  /** Where the main thread's time went of another bridge, while `load` gave it work. */
  profile(load: (bridge: Target) => Promise<void>): Promise<Shares>;
}

export interface RigOptions {
  readonly folder: string;
  /** At most so many publishers at once. */
  readonly devices: number;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** Calls `use` with a cluster that is up, and ends everything whatever becomes of it. */
export async function withBridgeRig<T>(
  options: RigOptions,
  use: (rig: BridgeRig) => Promise<T>,
): Promise<T> {
  const { folder, signal, say } = options;
  return withCleanups(async (cleanups) => {
    const cluster = await startCluster({ dir: folder, brokers: 1, signal, onProgress: say });
    cleanups.push(() => cluster.stop());
    // All bundled alike: what that costs or gives is not the scheme's.
    const node = await installed(UNIT, join(folder, BUNDLE), { baseline: BASELINE });
    const plainTopics = Array.from({ length: TOPICS }, (_, n) => `plain-${n + 1}`);
    await makeTopics(cluster, plainTopics);
    const generator = Generator.start();
    cleanups.push(() => generator.stop());
    let starts = 0;
    return await use({
      ...{ cluster, generator, plainTopics },
      withTargets: (useTargets) =>
        withCleanups(async (ofTargets) => {
          const name = `bridge-${++starts}`;
          const bridge = await startBridge({ ...options, name, node }, cluster, ofTargets);
          const baseline = (kind: string) =>
            startBaseline({ kind, node, folder, cluster, plainTopics, cleanups: ofTargets });
          const [plain, aedes] = await Promise.all([baseline("plain"), baseline("aedes")]);
          return useTargets({ bridge, plain, aedes });
        }),
      profile: (load) => profileBridge(options, cluster, load),
    });
  });
}

type Cleanups = (() => Promise<unknown>)[];

/** Does what was pushed there when `use` is over, the last first, whatever becomes of it. */
async function withCleanups<T>(use: (cleanups: Cleanups) => Promise<T>): Promise<T> {
  const cleanups: Cleanups = [];
  try {
    return await use(cleanups);
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

async function profileBridge(
  options: RigOptions,
  cluster: Cluster,
  load: (bridge: Target) => Promise<void>,
): Promise<Shares> {
  const profiles = join(options.folder, "profiles");
  const { flags, env } = await unitSettings(UNIT);
  const node = { flags: [...flags, "--cpu-prof", `--cpu-prof-dir=${profiles}`], env };
  await withCleanups(async (cleanups) => {
    const named = { ...options, name: "profiled", node };
    await load(await startBridge(named, cluster, cleanups));
  });
  return profileOf(profiles);
}

async function startBridge(
  options: RigOptions & { readonly name: string; readonly node: NodeSettings },
  { zookeeper }: Cluster,
  cleanups: Cleanups,
): Promise<Target> {
  const { folder, devices, signal, say, name, node } = options;
  const at = join(folder, name);
  const operator = await Operator.start({ folder: at, zookeeper, bridges: 1, node, signal });
  cleanups.push(() => operator.stop());
  say(`enrolling ${devices} devices`);
  const topicOf = (n: number): string => `plant/line-${n % TOPICS}`;
  const enrolled = await operator.enrol(
    Array.from({ length: devices }, (_, n) => ({ client: `device-${n}`, topics: [topicOf(n)] })),
  );
  const kits = enrolled.map((device, n) => deviceKit(device, topicOf(n)));
  const [bridge] = operator.bridges;
  if (!bridge) throw new VeilError("INTERNAL", "the operator has no bridge");
  return {
    name,
    pid: bridge.process.pid ?? 0,
    publishers: (count, size) =>
      kits.slice(0, count).map((kit) => recordPublisher(kit, { port: bridge.mqttPort, size })),
  };
}

async function startBaseline(options: {
  kind: string;
  node: NodeSettings;
  folder: string;
  cluster: Cluster;
  plainTopics: readonly string[];
  cleanups: Cleanups;
}): Promise<Target> {
  const { kind, node, folder, cluster, plainTopics, cleanups } = options;
  const process_ = new GuardedProcess({
    name: kind,
    env: node.env,
    command: [
      process.execPath,
      ...node.flags,
      join(folder, BUNDLE, "baseline.js"),
      kind,
      cluster.brokers.join(","),
      ...plainTopics,
    ],
    logFile: join(folder, `${kind}.log`),
    pipeStdout: true,
  });
  await process_.spawn();
  cleanups.push(() => process_.stop());
  const [line] = await once(createInterface({ input: process_.stdout }), "line");
  const port = Number(line);
  return {
    name: kind,
    pid: process_.pid ?? 0,
    publishers: (count, size) =>
      Array.from({ length: count }, (_, n) => ({
        port,
        login: `device-${n}@plain`,
        password: "none",
        greeting: [],
        awaitsOk: false,
        topic: formatUpstream({ kind: "rec", alias: (n % TOPICS) + 1 }),
        payload: Buffer.alloc(size, n),
        // Numbered as records are, which costs the publishers: on two processors what they take is missing elsewhere.
        seqAt: SEQ_AT,
      })),
  };
}

/** With the settings of the bridge's own: where Kafka stamps a batch anew, it does so for both. */
async function makeTopics({ brokers }: Cluster, topics: readonly string[]): Promise<void> {
  const log = pino({ level: "silent" });
  const admin = new KafkaAdmin({ kafka: createKafka({ brokers: async () => brokers, log }) });
  try {
    for (const topic of topics)
      await admin.ensureTopic(
        topicSpec(topic, { partitions: 1, retentionMs: DEFAULT_RETENTION_MS }, 1),
      );
  } finally {
    await admin.stop();
  }
}

/** Everything the demo runs, each part a process of its own, in one folder: started in order, ended in reverse. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { makeFolder } from "../core/runtime/files.ts";
import type { InitRequest } from "../kms/init.ts";
import { type Cluster, startCluster } from "./cluster/cluster.ts";
import { DemoAgent } from "./demo-agent.ts";
import { DemoBridge } from "./demo-bridge.ts";
import { demoConsumer } from "./demo-consumer.ts";
import { DemoDashboard } from "./demo-dashboard.ts";
import type { GuardedProcess } from "./guarded-process.ts";
import type { DemoOptions } from "./options.ts";
import { untilReady } from "./ready.ts";
import { DemoTenant } from "./tenant.ts";
import { veilmq } from "./veilmq.ts";
import { WireTap } from "./wire-tap.ts";

/** Sensors share topics two by two, so that one topic has several producers. */
const SENSORS_PER_TOPIC = 2;

/** What runs, once it runs. */
export interface RunningStack {
  /** `null` where an existing cluster is used. */
  readonly cluster: Cluster | null;
  readonly zookeeper: string;
  readonly tenant: DemoTenant;
  readonly bridge: GuardedProcess;
  /** Where the bridge answers over HTTP; the same after a restart. */
  readonly bridgeUrl: string;
  readonly tap: WireTap;
  readonly agents: readonly DemoAgent[];
  readonly consumer: GuardedProcess;
  /** The file of the consumer's credential. */
  readonly credential: string;
  readonly topics: readonly string[];
  /** What nobody between the two ends may ever see. */
  readonly canaries: readonly string[];
  /** What the people in between hold: looked through for canaries. */
  readonly between: readonly string[];
}

export interface StackOptions {
  readonly options: DemoOptions;
  readonly dir: string;
  readonly signal: AbortSignal;
  /** More sections of bridge.yaml. */
  readonly sections?: Readonly<Record<string, unknown>>;
  /** The consumer's `--config`. */
  readonly consumerConfig?: string;
  /** How the tenant's keys are made, where it is not by `kms init`. */
  readonly keys?: Partial<InitRequest>;
  /** Progress, a line at a time. */
  readonly say: (line: string) => void;
}

export class DemoStack {
  readonly #options: StackOptions;
  readonly #cleanups: (() => Promise<unknown>)[] = [];

  constructor(options: StackOptions) {
    this.#options = options;
  }

  /** Throws what did not start; `stop()` ends the rest. */
  async start(): Promise<RunningStack> {
    const { dir, signal, say, options, keys: how } = this.#options;
    const { sensors } = options;
    const tenant = new DemoTenant({ dir: join(dir, "kms"), signal, keys: how });
    await makeFolder(join(dir, "bridge"));
    const identity = join(dir, "bridge", "identity.age");
    const recipient = (await veilmq(["bridge", "identity", "--out", identity], signal)).trim();
    say("making the tenant's keys (four safe primes of 1024 bits) while Kafka starts");
    const [keys, cluster] = await Promise.all([tenant.init(recipient), this.#startCluster()]);
    const zookeeper = cluster?.zookeeper ?? options.zookeeper ?? "";
    const bridge = await this.#startBridge({ zookeeper, identity, ...keys });
    const tap = await this.#startTap(bridge.mqttPort);

    const topics = topicNames(Math.ceil(sensors / SENSORS_PER_TOPIC));
    say(`enrolling ${sensors} devices and one consumer`);
    const addresses = { mqtt: [`mqtt://127.0.0.1:${tap.port}`], http: [bridge.url] };
    const devices = Array.from({ length: sensors }, (_, n) => ({
      client: `sensor-${n + 1}`,
      publish: [topicOf(topics, n)],
      bridge: addresses,
    }));
    const analyst = { client: "analyst", subscribe: topics, bridge: addresses };
    const [reader, ...enrolled] = await tenant.enrol([analyst, ...devices]);
    const bundles = [keys, reader, ...enrolled].flatMap((made) => (made ? [made.bundle] : []));
    await veilmq(["bridge", "import", ...bundles, "--bridge", bridge.url], signal);

    say("starting the consumer and the agents, each on its own serial line");
    const credential = reader?.credential ?? "";
    const consumer = await this.#startConsumer(credential, topics);
    const agents: DemoAgent[] = [];
    for (const [n, device] of enrolled.entries())
      agents.push(await this.#startAgent(n, device.credential, topicOf(topics, n)));
    return {
      cluster,
      zookeeper,
      tenant,
      bridge: bridge.process,
      bridgeUrl: bridge.url,
      tap: tap.relay,
      agents,
      consumer,
      credential,
      topics,
      canaries: [...topics, ...agents.map(({ sensor }) => sensor.serial)],
      between: await this.#heldBetween(),
    };
  }

  /** Starts the dashboard; where it is. */
  async startDashboard({ credential, zookeeper }: RunningStack): Promise<string> {
    const folder = join(this.#options.dir, "dashboard");
    const dashboard = await DemoDashboard.make({ folder, credential, zookeeper });
    await this.#launch(dashboard.process);
    const isReady = async (): Promise<boolean> => (await dashboard.address()) !== null;
    await untilReady(dashboard.process, isReady, this.#options.signal);
    return (await dashboard.address()) ?? "";
  }

  /** Ends everything that was started, the last first. */
  async stop(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
  }

  async #startCluster(): Promise<Cluster | null> {
    const { dir, signal, say, options } = this.#options;
    if (options.zookeeper !== null) return null;
    const { brokers } = options;
    const cluster = await startCluster({ dir, brokers, signal, onProgress: say });
    this.#cleanups.push(() => cluster.stop());
    return cluster;
  }

  async #startTap(bridgePort: number): Promise<{ relay: WireTap; port: number }> {
    await makeFolder(join(this.#options.dir, "network"));
    const file = join(this.#options.dir, "network", "mqtt.bin");
    const relay = new WireTap({ file, relayTo: bridgePort });
    const port = await relay.start();
    this.#cleanups.push(() => relay.stop());
    return { relay, port };
  }

  async #startBridge(options: {
    zookeeper: string;
    identity: string;
    kmsPublicKey: string;
  }): Promise<DemoBridge> {
    const { zookeeper, identity, kmsPublicKey } = options;
    const bridge = await DemoBridge.make({
      name: "the bridge",
      folder: join(this.#options.dir, "bridge"),
      zookeeper,
      identity,
      tenants: [{ name: "demo", kmsPublicKey }],
      sections: this.#options.sections ?? {},
    });
    this.#cleanups.push(() => bridge.process.stop());
    await bridge.start(this.#options.signal);
    return bridge;
  }

  async #startConsumer(credential: string, topics: readonly string[]): Promise<GuardedProcess> {
    const folder = join(this.#options.dir, "consumer-1");
    const consumer = await demoConsumer({
      ...{ name: "the consumer", folder, credential, topics },
      config: this.#options.consumerConfig,
    });
    await this.#launch(consumer);
    return consumer;
  }

  async #startAgent(index: number, credential: string, topic: string): Promise<DemoAgent> {
    const { dir, options } = this.#options;
    const agent = await DemoAgent.make({
      name: `agent ${index + 1}`,
      folder: join(dir, `agent-${index + 1}`),
      credential,
      topic,
      sensor: {
        serial: `serial-${randomBytes(8).toString("hex")}`,
        rate: options.rate,
        readings: share(options.once, index, options.sensors),
      },
    });
    this.#cleanups.push(() => agent.stop());
    await agent.process.spawn();
    await untilReady(agent.process, () => agent.isReady(), this.#options.signal);
    return agent;
  }

  async #launch(daemon: GuardedProcess): Promise<void> {
    await daemon.spawn();
    this.#cleanups.push(() => daemon.stop());
  }

  async #heldBetween(): Promise<string[]> {
    const { dir, options } = this.#options;
    const brokers = Array.from({ length: options.brokers }, (_, n) => `kafka-${n + 1}`);
    const cluster = options.zookeeper === null ? ["zookeeper", ...brokers] : [];
    return [...cluster, "bridge", "network"].map((name) => join(dir, name));
  }
}

/** Names as a field engineer gives them, and nobody can guess. */
export function topicNames(count: number): string[] {
  return Array.from(
    { length: count },
    (_, n) => `greenhouse-${n + 1}/${randomBytes(6).toString("hex")}/climate`,
  );
}

function topicOf(topics: readonly string[], sensor: number): string {
  return topics[Math.floor(sensor / SENSORS_PER_TOPIC)] ?? "";
}

/** How many of `total` readings are this sensor's. */
function share(total: number | null, index: number, sensors: number): number {
  if (total === null) return Number.POSITIVE_INFINITY;
  return Math.floor(total / sensors) + (index < total % sensors ? 1 : 0);
}

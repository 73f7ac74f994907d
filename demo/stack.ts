/** Everything the demo runs, each part a process of its own, in one folder: started in order, ended in reverse. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { stringify } from "yaml";
import { VeilError } from "../core/errors.ts";
import { pause } from "../core/runtime/backoff.ts";
import { fileExists, makeFolder, replaceFile } from "../core/runtime/files.ts";
import { type Cluster, startCluster } from "./cluster/cluster.ts";
import { freePorts } from "./cluster/ports.ts";
import { DemoAgent } from "./demo-agent.ts";
import type { GuardedProcess } from "./guarded-process.ts";
import type { DemoOptions } from "./options.ts";
import { type BridgeAddresses, DemoTenant } from "./tenant.ts";
import { veilmq, veilmqDaemon } from "./veilmq.ts";
import { WireTap } from "./wire-tap.ts";

const READY_DEADLINE_MS = 30_000;
const POLL_MS = 50;
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
    const { dir, signal, say, options } = this.#options;
    const { sensors } = options;
    const tenant = new DemoTenant({ dir: join(dir, "kms"), signal });
    await makeFolder(join(dir, "bridge"));
    const identity = join(dir, "bridge", "identity.age");
    const recipient = (await veilmq(["bridge", "identity", "--out", identity], signal)).trim();
    say("making the tenant's keys (four safe primes of 1024 bits) while Kafka starts");
    const [keys, cluster] = await Promise.all([tenant.init(recipient), this.#startCluster()]);
    const zookeeper = cluster?.zookeeper ?? options.zookeeper ?? "";
    const [mqttPort = 0, httpPort = 0] = await freePorts(2);
    const { relay, port: tapPort } = await this.#startTap(mqttPort);
    const ports = { mqtt: mqttPort, http: httpPort };
    const bridge = await this.#startBridge({ zookeeper, identity, ports, ...keys });
    const addresses: BridgeAddresses = {
      mqtt: `mqtt://127.0.0.1:${tapPort}`,
      http: `http://127.0.0.1:${httpPort}`,
    };

    const topics = Array.from(
      { length: Math.ceil(sensors / SENSORS_PER_TOPIC) },
      (_, n) => `greenhouse-${n + 1}/${randomBytes(6).toString("hex")}/climate`,
    );
    say(`enrolling ${sensors} devices and one consumer`);
    const bundles = [keys.bundle];
    const enrol = async (...args: Parameters<DemoTenant["enrol"]>): Promise<string> => {
      const enrolled = await tenant.enrol(...args);
      bundles.push(enrolled.bundle);
      return enrolled.credential;
    };
    const credentials: string[] = [];
    for (let n = 0; n < sensors; n += 1)
      credentials.push(await enrol(`sensor-${n + 1}`, "publish", [topicOf(topics, n)], addresses));
    const reader = await enrol("analyst", "subscribe", topics, addresses);
    await veilmq(["bridge", "import", ...bundles, "--bridge", addresses.http], signal);

    say("starting the consumer and the agents, each on its own serial line");
    const consumer = await this.#startConsumer(reader, topics);
    const agents: DemoAgent[] = [];
    for (const [n, credential] of credentials.entries())
      agents.push(await this.#startAgent(n, credential, topicOf(topics, n)));
    return {
      cluster,
      zookeeper,
      tenant,
      bridge,
      bridgeUrl: addresses.http,
      tap: relay,
      agents,
      consumer,
      topics,
      canaries: [...topics, ...agents.map(({ sensor }) => sensor.serial)],
      between: await this.#heldBetween(),
    };
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
    ports: { mqtt: number; http: number };
    kmsPublicKey: string;
  }): Promise<GuardedProcess> {
    const folder = join(this.#options.dir, "bridge");
    const stateDir = join(folder, "state");
    const config = join(folder, "bridge.yaml");
    const { zookeeper, identity, ports, kmsPublicKey } = options;
    await replaceFile(
      config,
      stringify({
        mqtt: { host: "127.0.0.1", port: ports.mqtt },
        http: { host: "127.0.0.1", port: ports.http },
        admin: { host: "127.0.0.1", port: 0 },
        zookeeper: { servers: [zookeeper] },
        stateDir,
        identityFile: identity,
        tenants: [{ name: "demo", kmsPublicKey }],
      }),
    );
    const bridge = veilmqDaemon({
      name: "the bridge",
      args: ["bridge", "run", "--config", config],
      logFile: join(folder, "bridge.log"),
    });
    await this.#launch(bridge);
    await this.#until(bridge, () => fileExists(join(stateDir, "listening.json")));
    return bridge;
  }

  async #startConsumer(credential: string, topics: readonly string[]): Promise<GuardedProcess> {
    const folder = join(this.#options.dir, "consumer-1");
    await makeFolder(folder);
    const state = join(folder, "state");
    const flags = ["--credential", credential, "--state", state, "--wait", "--verbose"];
    const consumer = veilmqDaemon({
      name: "the consumer",
      args: ["consume", ...topics, ...flags],
      logFile: join(folder, "consumer.log"),
      pipeStdout: true,
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
    await this.#until(agent.process, () => agent.isReady());
    return agent;
  }

  async #launch(daemon: GuardedProcess): Promise<void> {
    await daemon.spawn();
    this.#cleanups.push(() => daemon.stop());
  }

  async #until(daemon: GuardedProcess, ready: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + READY_DEADLINE_MS;
    while (!(await ready())) {
      if (!daemon.running || Date.now() > deadline)
        throw new VeilError("UNAVAILABLE", `${daemon.name} did not start: see ${daemon.logFile}`);
      if (!(await pause(POLL_MS, this.#options.signal)))
        throw new VeilError("STOPPED", "interrupted");
    }
  }

  async #heldBetween(): Promise<string[]> {
    const { dir, options } = this.#options;
    const brokers = Array.from({ length: options.brokers }, (_, n) => `kafka-${n + 1}`);
    const cluster = options.zookeeper === null ? ["zookeeper", ...brokers] : [];
    return [...cluster, "bridge", "network"].map((name) => join(dir, name));
  }
}

function topicOf(topics: readonly string[], sensor: number): string {
  return topics[Math.floor(sensor / SENSORS_PER_TOPIC)] ?? "";
}

/** How many of `total` readings are this sensor's. */
function share(total: number | null, index: number, sensors: number): number {
  if (total === null) return Number.POSITIVE_INFINITY;
  return Math.floor(total / sensors) + (index < total % sensors ? 1 : 0);
}

/** Everything the demo runs, each part a process of its own, in one folder: started in order, ended in reverse. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { z } from "zod";
import { VeilError } from "../core/errors.ts";
import { pause } from "../core/runtime/backoff.ts";
import { fileExists, makeFolder, replaceFile } from "../core/runtime/files.ts";
import { startCluster } from "./cluster/cluster.ts";
import type { GuardedProcess } from "./guarded-process.ts";
import type { DemoOptions } from "./options.ts";
import { openPty } from "./pty/pty.ts";
import { Sensor } from "./sensor.ts";
import { type BridgeAddresses, DemoTenant } from "./tenant.ts";
import { veilmq, veilmqDaemon } from "./veilmq.ts";
import { WireTap } from "./wire-tap.ts";

const READY_DEADLINE_MS = 30_000;
const POLL_MS = 50;
/** Sensors share topics two by two, so that one topic has several producers. */
const SENSORS_PER_TOPIC = 2;

const listeningSchema = z.looseObject({ mqtt: z.number(), http: z.number() });

export interface Agent {
  readonly process: GuardedProcess;
  readonly socket: string;
  readonly sensor: Sensor;
  readonly topic: string;
}

/** What runs, once it runs. */
export interface RunningStack {
  readonly zookeeper: string;
  readonly tap: WireTap;
  readonly agents: readonly Agent[];
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
    const { dir, signal, say } = this.#options;
    const { sensors } = this.#options.options;
    const tenant = new DemoTenant({ dir: join(dir, "kms"), signal });
    await makeFolder(join(dir, "bridge"));
    const identity = join(dir, "bridge", "identity.age");
    const recipient = (await veilmq(["bridge", "identity", "--out", identity], signal)).trim();
    say("making the tenant's keys (four safe primes of 1024 bits) while Kafka starts");
    const [keys, zookeeper] = await Promise.all([tenant.init(recipient), this.#startCluster()]);
    const tap = await this.#startTap();
    const ports = await this.#startBridge(zookeeper, identity, keys.kmsPublicKey);
    tap.relay.relayTo(ports.mqtt);
    const bridge: BridgeAddresses = {
      mqtt: `mqtt://127.0.0.1:${tap.port}`,
      http: `http://127.0.0.1:${ports.http}`,
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
      credentials.push(await enrol(`sensor-${n + 1}`, "publish", [topicOf(topics, n)], bridge));
    const reader = await enrol("analyst", "subscribe", topics, bridge);
    await veilmq(["bridge", "import", ...bundles, "--bridge", bridge.http], signal);

    say("starting the consumer and the agents, each on its own serial line");
    const consumer = await this.#startConsumer(reader, topics);
    const agents: Agent[] = [];
    for (const [n, credential] of credentials.entries())
      agents.push(await this.#startAgent(n, credential, topicOf(topics, n)));
    return {
      zookeeper,
      tap: tap.relay,
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

  async #startCluster(): Promise<string> {
    const { dir, signal, say, options } = this.#options;
    if (options.zookeeper !== null) return options.zookeeper;
    const { brokers } = options;
    const cluster = await startCluster({ dir, brokers, signal, onProgress: say });
    this.#cleanups.push(() => cluster.stop());
    return cluster.zookeeper;
  }

  async #startTap(): Promise<{ relay: WireTap; port: number }> {
    await makeFolder(join(this.#options.dir, "network"));
    const relay = new WireTap(join(this.#options.dir, "network", "mqtt.bin"));
    const port = await relay.start();
    this.#cleanups.push(() => relay.stop());
    return { relay, port };
  }

  async #startBridge(
    zookeeper: string,
    identityFile: string,
    kmsPublicKey: string,
  ): Promise<z.output<typeof listeningSchema>> {
    const folder = join(this.#options.dir, "bridge");
    const stateDir = join(folder, "state");
    const config = join(folder, "bridge.yaml");
    const listener = { host: "127.0.0.1", port: 0 };
    await replaceFile(
      config,
      stringify({
        mqtt: listener,
        http: listener,
        admin: listener,
        zookeeper: { servers: [zookeeper] },
        stateDir,
        identityFile,
        tenants: [{ name: "demo", kmsPublicKey }],
      }),
    );
    const bridge = veilmqDaemon({
      name: "the bridge",
      args: ["bridge", "run", "--config", config],
      logFile: join(folder, "bridge.log"),
    });
    await this.#launch(bridge);
    const ports = join(stateDir, "listening.json");
    await this.#until(bridge, () => fileExists(ports));
    return listeningSchema.parse(JSON.parse(await readFile(ports, "utf8")));
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

  async #startAgent(index: number, credential: string, topic: string): Promise<Agent> {
    const { dir, options } = this.#options;
    const folder = join(dir, `agent-${index + 1}`);
    const stateDir = join(folder, "state");
    await makeFolder(folder);
    const pty = await openPty({ link: join(folder, "serial") });
    this.#cleanups.push(() => pty.close());
    const config = join(folder, "agent.yaml");
    const ports = [{ path: join(folder, "serial"), profile: "json-lines", topic }];
    await replaceFile(config, stringify({ credential, stateDir, ports }));
    const process = veilmqDaemon({
      name: `agent ${index + 1}`,
      args: ["agent", "run", "--config", config],
      logFile: join(folder, "agent.log"),
    });
    await this.#launch(process);
    const socket = join(stateDir, "agent.sock");
    await this.#until(process, () => fileExists(socket));
    const sensor = new Sensor({
      pty,
      serial: `serial-${randomBytes(8).toString("hex")}`,
      rate: options.rate,
      readings: share(options.once, index, options.sensors),
    });
    return { process, socket, sensor, topic };
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

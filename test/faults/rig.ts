/**
 * What the faults happen to: ZooKeeper and three brokers, two bridges or more, devices with agents on pseudo-terminals and
 * networks of their own, and one consumer that writes to a file. All of it real processes, made of the demo's parts.
 */
import { randomBytes } from "node:crypto";
import { setMaxListeners } from "node:events";
import { join } from "node:path";
import { pino } from "pino";
import { VeilError } from "../../core/errors.ts";
import { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";
import { pause } from "../../core/runtime/backoff.ts";
import { makeFolder } from "../../core/runtime/files.ts";
import { type Cluster, startCluster } from "../../demo/cluster/cluster.ts";
import { DemoAgent } from "../../demo/demo-agent.ts";
import { DemoBridge } from "../../demo/demo-bridge.ts";
import { demoConsumer } from "../../demo/demo-consumer.ts";
import type { GuardedProcess } from "../../demo/guarded-process.ts";
import { untilReady } from "../../demo/ready.ts";
import { topicNames } from "../../demo/stack.ts";
import { DemoTenant, type Enrolment } from "../../demo/tenant.ts";
import { veilmq } from "../../demo/veilmq.ts";
import { Device } from "./device.ts";
import { Ledger } from "./ledger.ts";
import { FieldNetwork } from "./network.ts";
import { OutputTail } from "./output-tail.ts";

/** Devices share topics two by two, so that one topic has several producers. */
const DEVICES_PER_TOPIC = 2;
/** Shorter than the product's default, so that a fault of seconds outlasts it. */
const SESSION_TIMEOUT_MS = 5000;
const POLL_MS = 50;
const DRAIN_DEADLINE_MS = 180_000;
/** Nothing more comes when the output has not grown for so long. */
const QUIET_MS = 3000;

export interface RigOptions {
  readonly dir: string;
  /** Readings a second of all devices together. */
  readonly rate: number;
  readonly bridges: number;
  /** An even number: two share a topic. */
  readonly devices: number;
  /** Of the agents, in seconds; their default otherwise. */
  readonly keepaliveS?: number;
  readonly signal: AbortSignal;
  /** Progress, a line at a time. */
  readonly say: (line: string) => void;
}

/** What runs, once it runs. */
interface Running {
  readonly cluster: Cluster;
  readonly bridges: readonly DemoBridge[];
  readonly devices: readonly Device[];
  readonly consumer: GuardedProcess;
}

export class FaultRig {
  readonly ledger = new Ledger();
  readonly output: string;
  readonly rejects: string;
  readonly tail: OutputTail;
  readonly #options: RigOptions;
  readonly #cleanups: (() => Promise<unknown>)[] = [];
  readonly #playing = new AbortController();
  readonly #watching = new AbortController();
  readonly #work: Promise<unknown>[] = [];
  #running: Running | undefined;

  constructor(options: RigOptions) {
    this.#options = options;
    this.output = join(options.dir, "consumer", "output.ndjson");
    this.rejects = join(options.dir, "consumer", "rejects.ndjson");
    this.tail = new OutputTail({ path: this.output });
    // Each device waits on both.
    for (const { signal } of [this.#playing, this.#watching]) setMaxListeners(0, signal);
  }

  get signal(): AbortSignal {
    return this.#options.signal;
  }

  get cluster(): Cluster {
    return this.#started.cluster;
  }

  get bridges(): readonly DemoBridge[] {
    return this.#started.bridges;
  }

  get devices(): readonly Device[] {
    return this.#started.devices;
  }

  get consumer(): GuardedProcess {
    return this.#started.consumer;
  }

  /** Starts everything; resolves when readings of all devices arrive at the consumer. */
  async start(): Promise<void> {
    const { dir, signal, say } = this.#options;
    const tenant = new DemoTenant({ dir: join(dir, "kms"), signal });
    const identity = join(dir, "identity.age");
    await makeFolder(dir);
    const recipient = (await veilmq(["bridge", "identity", "--out", identity], signal)).trim();
    const [keys, cluster] = await Promise.all([tenant.init(recipient), this.#startCluster()]);
    const { kmsPublicKey } = keys;
    const bridges = await Promise.all(
      Array.from({ length: this.#options.bridges }, (_, n) =>
        this.#startBridge(n, { cluster, identity, kmsPublicKey }),
      ),
    );
    say(`enrolling ${this.#options.devices} devices and a consumer`);
    const networks = await this.#startNetworks(bridges);
    const topics = topicNames(this.#options.devices / DEVICES_PER_TOPIC);
    const http = bridges.map(({ url }) => url);
    const analyst: Enrolment = { client: "analyst", subscribe: topics, bridge: { mqtt: [], http } };
    const enrolments = networks.map(({ urls }, n) => ({
      client: `sensor-${n + 1}`,
      publish: [topicOf(topics, n)],
      bridge: { mqtt: urls, http },
    }));
    const [reader, ...enrolled] = await tenant.enrol([analyst, ...enrolments]);
    const bundles = [keys, reader, ...enrolled].flatMap((made) => (made ? [made.bundle] : []));
    await veilmq(["bridge", "import", ...bundles, "--bridge", http[0] ?? ""], signal);

    const consumer = await this.#startConsumer(reader?.credential ?? "", topics);
    const devices = await Promise.all(
      networks.map(({ network }, n) =>
        this.#startDevice(n, {
          network,
          credential: enrolled[n]?.credential ?? "",
          topic: topicOf(topics, n),
        }),
      ),
    );
    this.#running = { cluster, bridges, devices, consumer };
    this.#play();
    await this.arrival(this.written(), DRAIN_DEADLINE_MS);
  }

  /** How many readings each sensor has written so far, in the order of the devices. */
  written(): number[] {
    return this.devices.map(({ agent }) => agent.sensor.written);
  }

  /** Resolves when a reading later than `written` has arrived from each device. Throws TIMEOUT. */
  async arrival(written: readonly number[], deadlineMs: number): Promise<void> {
    const deadline = Date.now() + deadlineMs;
    for (;;) {
      const late = this.devices.filter(
        ({ sensor }, n) => this.tail.highest(sensor) <= (written[n] ?? 0),
      );
      if (late.length === 0) return;
      if (Date.now() > deadline)
        throw new VeilError("TIMEOUT", `no readings from ${late.map(({ name }) => name)}`);
      if (!(await pause(POLL_MS, this.#options.signal)))
        throw new VeilError("STOPPED", "interrupted");
    }
  }

  /** Ends the sensors, waits until all that was taken has arrived, and ends the consumer in an orderly way. */
  async drain(): Promise<void> {
    this.#playing.abort();
    const deadline = Date.now() + DRAIN_DEADLINE_MS;
    let quietSince = Date.now();
    for (let last = -1; Date.now() - quietSince < QUIET_MS && Date.now() < deadline; ) {
      const statuses = await Promise.all(this.devices.map((device) => device.report()));
      const waiting = statuses.some((status) => status === null || status.pending > 0);
      const arrived = this.devices.reduce((sum, { sensor }) => sum + this.tail.highest(sensor), 0);
      if (waiting || arrived !== last) quietSince = Date.now();
      last = arrived;
      await pause(POLL_MS, this.#options.signal);
    }
    await this.consumer.stop();
  }

  /** Runs `work` with a session at the cluster's ZooKeeper. */
  async withZooKeeper(work: (zookeeper: ZooKeeper) => Promise<void>): Promise<void> {
    const zookeeper = new ZooKeeper({
      servers: [this.cluster.zookeeper],
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      callTimeoutMs: SESSION_TIMEOUT_MS,
      log: pino({ level: "silent" }),
    });
    await zookeeper.start();
    try {
      await work(zookeeper);
    } finally {
      await zookeeper.stop();
    }
  }

  /** Ends everything that was started, the last first. */
  async stop(): Promise<void> {
    this.#playing.abort();
    this.#watching.abort();
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
    await Promise.all(this.#work);
  }

  get #started(): Running {
    if (!this.#running) throw new VeilError("STOPPED", "the rig does not run");
    return this.#running;
  }

  #play(): void {
    const { signal } = this.#watching;
    this.#work.push(this.tail.follow(signal));
    for (const device of this.devices)
      this.#work.push(
        device.agent.sensor.play(this.#playing.signal),
        device.reportRegularly(signal),
      );
  }

  async #startCluster(): Promise<Cluster> {
    const { dir, signal, say } = this.#options;
    const cluster = await startCluster({ dir, brokers: 3, signal, onProgress: say });
    this.#cleanups.push(() => cluster.stop());
    return cluster;
  }

  async #startBridge(
    n: number,
    from: { cluster: Cluster; identity: string; kmsPublicKey: string },
  ): Promise<DemoBridge> {
    const { cluster, identity, kmsPublicKey } = from;
    const bridge = await DemoBridge.make({
      name: `bridge ${n + 1}`,
      folder: join(this.#options.dir, `bridge-${n + 1}`),
      zookeeper: cluster.zookeeper,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      identity,
      tenants: [{ name: "demo", kmsPublicKey }],
    });
    this.#cleanups.push(() => bridge.process.stop());
    await bridge.start(this.#options.signal);
    return bridge;
  }

  async #startNetworks(
    bridges: readonly DemoBridge[],
  ): Promise<{ network: FieldNetwork; urls: string[] }[]> {
    const networks: { network: FieldNetwork; urls: string[] }[] = [];
    for (let n = 0; n < this.#options.devices; n += 1) {
      const ports = bridges.map(({ mqttPort }) => mqttPort);
      // Each bridge is preferred by as many devices.
      const first = n % ports.length;
      const network = new FieldNetwork({
        ports: [...ports.slice(first), ...ports.slice(0, first)],
      });
      const urls = await network.start();
      this.#cleanups.push(() => network.stop());
      networks.push({ network, urls });
    }
    return networks;
  }

  async #startConsumer(credential: string, topics: readonly string[]): Promise<GuardedProcess> {
    const consumer = await demoConsumer({
      name: "the consumer",
      folder: join(this.#options.dir, "consumer"),
      credential,
      topics,
      files: { output: this.output, rejects: this.rejects },
    });
    this.#cleanups.push(() => consumer.stop());
    await consumer.spawn();
    return consumer;
  }

  async #startDevice(
    n: number,
    from: { network: FieldNetwork; credential: string; topic: string },
  ): Promise<Device> {
    const { network, credential, topic } = from;
    const name = `device ${n + 1}`;
    const folder = join(this.#options.dir, `agent-${n + 1}`);
    const serial = `serial-${randomBytes(8).toString("hex")}`;
    const { devices, keepaliveS } = this.#options;
    const rate = this.#options.rate / devices;
    const sensor = { serial, rate, readings: Number.POSITIVE_INFINITY };
    const agent = await DemoAgent.make({ name, folder, credential, topic, keepaliveS, sensor });
    this.#cleanups.push(() => agent.stop());
    await agent.process.spawn();
    await untilReady(agent.process, () => agent.isReady(), this.#options.signal);
    return new Device({ name, agent, folder, network, ledger: this.ledger });
  }
}

function topicOf(topics: readonly string[], device: number): string {
  return topics[Math.floor(device / DEVICES_PER_TOPIC)] ?? "";
}

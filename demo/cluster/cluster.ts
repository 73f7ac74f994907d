/** A local Kafka and ZooKeeper for the demo and the tests: real servers, own folders, loopback only. */
import { join } from "node:path";
import { VeilError } from "../../core/errors.ts";
import { NEVER, pause } from "../../core/runtime/backoff.ts";
import { brokerProcess, knownBrokers } from "./broker.ts";
import { resolveClasspath } from "./classpath.ts";
import { freePorts } from "./ports.ts";
import type { ServerProcess } from "./server-process.ts";
import { JAVA, requireTool, SETPRIV } from "./tools.ts";
import { hasBroker, zooKeeperProcess } from "./zookeeper.ts";

export interface ClusterOptions {
  /** Holds `zookeeper/` and `kafka-<id>/`. An earlier cluster's folder is continued, on new ports. */
  readonly dir: string;
  readonly brokers: 1 | 3;
  /** Aborts the start. A cluster that has started ends with `stop()`. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (line: string) => void;
}

/** `zookeeper` and `kafka-1` … `kafka-<n>`. */
export type ServerName = "zookeeper" | `kafka-${number}`;

const POLL_MS = 100;

/** A cluster that serves. Its processes end with this one, however it ends. */
export class Cluster {
  /** `host:port`. */
  readonly zookeeper: string;
  /** `host:port`, in the order of the broker ids. */
  readonly brokers: readonly string[];
  readonly #zooKeeperPort: number;
  readonly #zooKeeper: ServerProcess;
  readonly #kafka: readonly ServerProcess[];

  constructor(parts: {
    zooKeeperPort: number;
    brokers: readonly string[];
    zooKeeper: ServerProcess;
    kafka: readonly ServerProcess[];
  }) {
    this.zookeeper = `127.0.0.1:${parts.zooKeeperPort}`;
    this.brokers = parts.brokers;
    this.#zooKeeperPort = parts.zooKeeperPort;
    this.#zooKeeper = parts.zooKeeper;
    this.#kafka = parts.kafka;
  }

  get processes(): readonly ServerProcess[] {
    return [this.#zooKeeper, ...this.#kafka];
  }

  /** Sends `signal` to one server; after SIGKILL resolves when it is gone. Throws NOT_FOUND. */
  async kill(name: ServerName, signal: NodeJS.Signals): Promise<void> {
    await this.#find(name).kill(signal);
  }

  /** Ends one server if it runs and starts it on the same port and data; resolves when it serves again. */
  async restart(name: ServerName): Promise<void> {
    const server = this.#find(name);
    await server.stop();
    await this.#launch(server, NEVER);
  }

  /** Ends all servers for certain, brokers first. */
  async stop(): Promise<void> {
    await Promise.all(this.#kafka.map((broker) => broker.stop()));
    await this.#zooKeeper.stop();
  }

  /** Used by `startCluster`: everything is up, and all brokers know each other, when it resolves. */
  async start(signal: AbortSignal): Promise<void> {
    try {
      await this.#launch(this.#zooKeeper, signal);
      await Promise.all(this.#kafka.map((broker) => this.#launch(broker, signal)));
      await this.#acquainted(signal);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async #launch(server: ServerProcess, signal: AbortSignal): Promise<void> {
    await this.#sessionGone(server, signal);
    await server.spawn();
    await server.awaitReady(signal);
  }

  /** The last broker to register is not yet known to those that were ready before it. */
  async #acquainted(signal: AbortSignal): Promise<void> {
    const isReady = (address: string) => async () =>
      (await knownBrokers(address)).length === this.brokers.length;
    await Promise.all(
      this.#kafka.map((broker, index) =>
        broker.awaitReady(signal, isReady(this.brokers[index] ?? "")),
      ),
    );
  }

  /** A broker that was killed is registered until its session expires, and cannot register again before. */
  async #sessionGone(server: ServerProcess, signal: AbortSignal): Promise<void> {
    const id = this.#kafka.indexOf(server) + 1;
    if (id === 0) return;
    while (await hasBroker(this.#zooKeeperPort, id))
      if (!(await pause(POLL_MS, signal)))
        throw new VeilError("STOPPED", `the start of ${server.name} was interrupted`);
  }

  #find(name: ServerName): ServerProcess {
    const server = this.processes.find((candidate) => candidate.name === name);
    if (!server) throw new VeilError("NOT_FOUND", `the cluster has no ${name}`);
    return server;
  }
}

/**
 * Starts ZooKeeper and the brokers on free loopback ports. Throws MISSING_TOOL where Java, Maven or setpriv
 * is missing, UNAVAILABLE or TIMEOUT with the end of the server's log, STOPPED if `signal` aborts.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { dir, onProgress, signal = NEVER } = options;
  await Promise.all([requireTool(JAVA), requireTool(SETPRIV)]);
  const classpath = await resolveClasspath({ signal, ...(onProgress && { onProgress }) });
  const [zooKeeperPort = 0, ...brokerPorts] = await freePorts(1 + options.brokers);
  const brokers = brokerPorts.map((port) => `127.0.0.1:${port}`);
  const zooKeeper = zooKeeperProcess({
    folder: join(dir, "zookeeper"),
    port: zooKeeperPort,
    classpath,
  });
  const kafka = brokerPorts.map((port, index) =>
    brokerProcess({
      id: index + 1,
      folder: join(dir, `kafka-${index + 1}`),
      port,
      zookeeper: `127.0.0.1:${zooKeeperPort}`,
      brokers: options.brokers,
      classpath,
    }),
  );
  const cluster = new Cluster({ zooKeeperPort, brokers, zooKeeper, kafka });
  onProgress?.(`starting ZooKeeper and ${options.brokers} Kafka broker(s) in ${dir}`);
  await cluster.start(signal);
  onProgress?.(`ZooKeeper ${cluster.zookeeper}, Kafka ${brokers.join(",")}`);
  return cluster;
}

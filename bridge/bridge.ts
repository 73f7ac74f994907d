/**
 * One bridge, from its configuration to its end.
 *
 *   zookeeper → brokers → kafka → rekeys → directory → registry → matching → writer → ingress → http → admin
 *
 * It stops in reverse: what takes requests goes first, what they need stays until they are answered.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { VeilError } from "../core/errors.ts";
import { makeFolder, replaceFile } from "../core/runtime/files.ts";
import { type Part, startAll, stopAll } from "../core/runtime/lifecycle.ts";
import type { Logger } from "../core/runtime/log.ts";
import { type Assembly, assemble } from "./assembly.ts";
import type { BridgeConfig } from "./config.ts";
import { reload } from "./reload.ts";

/** Below the deadline of a part's stop. */
const WRITER_DRAIN_MS = 3_000;

/** The ports that a bridge listens on. */
export interface Listening {
  readonly mqtt: number;
  readonly http: number;
  readonly admin: number;
}

export class Bridge {
  #config: BridgeConfig;
  #assembly: Assembly | undefined;
  readonly #log: Logger;
  #parts: readonly Part[] = [];
  #listening: Listening | undefined;
  #starting: Promise<void> | undefined;
  #stopped = false;

  constructor(options: { readonly config: BridgeConfig; readonly log: Logger }) {
    this.#config = options.config;
    this.#log = options.log;
  }

  /** Throws STOPPED before `start()`. */
  get listening(): Listening {
    if (!this.#listening) throw new VeilError("STOPPED", "the bridge does not listen");
    return this.#listening;
  }

  /**
   * Starts everything, once; writes the ports to `<stateDir>/listening.json` and logs "listening". Where something fails,
   * what was started is stopped: throws SECRET_FILE, CONFIG, DISK, UNAVAILABLE where ZooKeeper or Kafka stay away,
   * STOPPED after `stop()`.
   */
  async start(): Promise<void> {
    this.#starting ??= this.#start();
    await this.#starting;
  }

  async #start(): Promise<void> {
    await makeFolder(this.#config.stateDir);
    await rm(this.#portsFile, { force: true });
    const assembly = await assemble(this.#config, this.#log);
    this.#assembly = assembly;
    this.#parts = inOrder(assembly);
    await startAll(
      this.#parts.map((part) => this.#unlessStopped(part)),
      this.#log,
    );
    const { ingress, http, adminServer } = assembly;
    this.#listening = { mqtt: ingress.port, http: http.port, admin: adminServer.port };
    await replaceFile(this.#portsFile, `${JSON.stringify(this.#listening)}\n`);
    this.#log.info(this.#listening, "listening");
  }

  /**
   * Takes over certificates, limits and tenants of `config` without dropping a session. Throws CONFIG, SECRET_FILE: then
   * nothing has changed; STOPPED where it does not run.
   */
  async reload(config: BridgeConfig): Promise<void> {
    await this.#starting;
    if (!this.#assembly || this.#stopped) throw new VeilError("STOPPED", "the bridge does not run");
    await reload({ before: this.#config, after: config }, this.#assembly, this.#log);
    this.#config = config;
  }

  /**
   * Accepts nothing more, finishes what is in flight, closes; also ends a start that still waits for ZooKeeper or
   * Kafka. `false`: something outlived its deadline.
   */
  async stop(): Promise<boolean> {
    this.#stopped = true;
    await rm(this.#portsFile, { force: true });
    const clean = await stopAll(this.#parts, this.#log);
    await this.#starting?.catch(() => undefined);
    this.#log.info({ clean }, "stopped");
    return clean;
  }

  #unlessStopped(part: Part): Part {
    return {
      name: part.name,
      start: async () => {
        if (this.#stopped) throw new VeilError("STOPPED", "the bridge stops");
        await part.start?.();
      },
      stop: () => part.stop(),
    };
  }

  get #portsFile(): string {
    return join(this.#config.stateDir, "listening.json");
  }
}

function inOrder(assembly: Assembly): readonly Part[] {
  const { zookeeper, brokers, leaders, admin, inspection } = assembly;
  const { producer, internal, rekeys, directory, registry } = assembly;
  const { matching, writer, ingress, http, adminServer, metrics, limits } = assembly;
  return [
    zookeeper,
    brokers,
    leaders,
    {
      name: "kafka",
      stop: async () => {
        await Promise.all([
          producer.stop(),
          internal.producer.stop(),
          admin.stop(),
          inspection.stop(),
        ]);
      },
    },
    rekeys,
    directory,
    registry,
    { name: "matching", start: () => matching.start(), stop: () => matching.stop() },
    { name: "writer", stop: () => writer.stop(WRITER_DRAIN_MS) },
    {
      name: "listeners",
      start: async () => {
        await ingress.start();
        await http.start();
      },
      // At once: while those of one are waited for, the other would take new ones.
      stop: async () => {
        await Promise.all([ingress.stop(), http.stop()]);
      },
    },
    {
      name: "metrics",
      start: async () =>
        metrics.start({
          ...{ writer, matching },
          sessions: () => ofEach(directory.tenantNames, (name) => limits.connectionsOf(name)),
          directoryAges: () => ofEach(directory.tenantNames, (name) => directory.ageMs(name)),
        }),
      stop: async () => metrics.registry.clear(),
    },
    adminServer,
  ];
}

function ofEach(names: readonly string[], read: (name: string) => number): Map<string, number> {
  return new Map(names.map((name) => [name, read(name)]));
}

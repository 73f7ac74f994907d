/** One bridge of the demo, on loopback ports that stay its own over restarts. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { VeilError } from "../core/errors.ts";
import { fileExists, makeFolder, replaceFile } from "../core/runtime/files.ts";
import { LEFT_OPEN } from "../core/runtime/lifecycle.ts";
import { freePorts } from "./cluster/ports.ts";
import type { GuardedProcess } from "./guarded-process.ts";
import { untilReady } from "./ready.ts";
import { type NodeSettings, veilmqDaemon } from "./veilmq.ts";

export interface DemoBridgeOptions {
  readonly name: string;
  /** Holds bridge.yaml, the log and the state. */
  readonly folder: string;
  /** `host:port`, or several with commas. */
  readonly zookeeper: string;
  /** More sections of bridge.yaml, such as `kafka`. */
  readonly sections?: Readonly<Record<string, unknown>>;
  /** How long ZooKeeper waits for a bridge that is silent; the product's default unless given. */
  readonly sessionTimeoutMs?: number;
  /** The file of its age identity, which bridges of one operator share. */
  readonly identity: string;
  /** Certificate and key of its MQTT listener, as paths; plain TCP without it. */
  readonly mqttTls?: { readonly cert: string; readonly key: string };
  readonly tenants: readonly { readonly name: string; readonly kmsPublicKey: string }[];
  readonly node?: NodeSettings | undefined;
}

export class DemoBridge {
  readonly process: GuardedProcess;
  readonly mqttPort: number;
  /** Where it answers over HTTP. */
  readonly url: string;
  /** Its bridge.yaml. */
  readonly configFile: string;
  readonly #stateDir: string;

  private constructor(parts: {
    process: GuardedProcess;
    mqttPort: number;
    httpPort: number;
    stateDir: string;
    configFile: string;
  }) {
    this.process = parts.process;
    this.mqttPort = parts.mqttPort;
    this.url = `http://127.0.0.1:${parts.httpPort}`;
    this.configFile = parts.configFile;
    this.#stateDir = parts.stateDir;
  }

  /** Writes bridge.yaml; the process is not started yet. */
  static async make(options: DemoBridgeOptions): Promise<DemoBridge> {
    const { name, folder, sessionTimeoutMs, identity, tenants, mqttTls, sections } = options;
    const servers = options.zookeeper.split(",");
    await makeFolder(folder);
    const [mqttPort = 0, httpPort = 0] = await freePorts(2);
    const stateDir = join(folder, "state");
    const config = join(folder, "bridge.yaml");
    const host = "127.0.0.1";
    await replaceFile(
      config,
      stringify({
        mqtt: { host, port: mqttPort, ...(mqttTls && { tls: mqttTls }) },
        http: { host, port: httpPort },
        admin: { host, port: 0 },
        zookeeper: { servers, ...(sessionTimeoutMs && { sessionTimeoutMs }) },
        stateDir,
        identityFile: identity,
        tenants,
        ...sections,
      }),
    );
    const args = ["bridge", "run", "--config", config];
    const logFile = join(folder, "bridge.log");
    const process = veilmqDaemon({ name, args, logFile, node: options.node });
    return new DemoBridge({ process, mqttPort, httpPort, stateDir, configFile: config });
  }

  /** Resolves when it listens. Throws UNAVAILABLE where it does not, STOPPED if `signal` aborts. */
  async start(signal: AbortSignal): Promise<void> {
    // What an earlier run has said before kill -9.
    await rm(this.#portsFile, { force: true });
    await this.process.spawn();
    await untilReady(this.process, () => fileExists(this.#portsFile), signal);
  }

  /** As an upgrade does it. Throws UNAVAILABLE where it does not end by itself, in order and in time. */
  async restart(signal: AbortSignal): Promise<void> {
    const { name, logFile } = this.process;
    // Kills what outlives its deadline.
    const { code, signal: killedBy } = await this.process.stop();
    if (code !== 0)
      throw new VeilError("UNAVAILABLE", `${name} ended with ${code ?? killedBy}: see ${logFile}`);
    if ((await readFile(logFile, "utf8")).includes(LEFT_OPEN))
      throw new VeilError("UNAVAILABLE", `${name} left something open: see ${logFile}`);
    await this.start(signal);
  }

  /** Where its operator's listener answers, once it listens. */
  async adminUrl(): Promise<string> {
    const text = await readFile(this.#portsFile, "utf8");
    const { admin }: { admin: number } = JSON.parse(text);
    return `http://127.0.0.1:${admin}`;
  }

  get #portsFile(): string {
    return join(this.#stateDir, "listening.json");
  }
}

/** A device with one sensor, for a benchmark: the agent as a process of its own, a pseudo-terminal, and a bridge in here. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { stringify } from "yaml";
import { type AgentStatus, agentStatusSchema } from "../../../agent/device/status.ts";
import { pause } from "../../../core/runtime/backoff.ts";
import { makeFolder, replaceFile, replaceSecretFile } from "../../../core/runtime/files.ts";
import { askLocal } from "../../../core/runtime/local-http.ts";
import { encodeCredential } from "../../../core/wire/credential.ts";
import { parseJson } from "../../../core/wire/fields.ts";
import { openPty, type Pty } from "../../../demo/pty/pty.ts";
import type { NodeSettings } from "../../../demo/veilmq.ts";
import { FieldBridge } from "../../support/field-bridge.ts";
import { fieldTenant } from "../../support/field-tenant.ts";

const TOPIC = "bench/climate";
const READY = "the agent runs";
/** How often lines are written to the port. */
const TICK_MS = 10;
/** At once, where the port is to be kept full. */
const BURST_LINES = 500;

export interface DeviceOptions {
  readonly folder: string;
  /** `veilmq`, as compiled or bundled. */
  readonly program: string;
  readonly node: NodeSettings;
  /** Whether a bridge takes what the agent has. */
  readonly online: boolean;
}

export class BenchDevice {
  /** From the process's start until it reads its port. */
  readonly startMs: number;
  readonly #child: ChildProcess;
  readonly #pty: Pty;
  readonly #bridge: FieldBridge;
  readonly #socket: string;
  readonly #log: readonly string[];
  #lines = 0;

  private constructor(parts: {
    child: ChildProcess;
    pty: Pty;
    bridge: FieldBridge;
    socket: string;
    startMs: number;
    log: readonly string[];
  }) {
    this.#log = parts.log;
    this.startMs = parts.startMs;
    this.#child = parts.child;
    this.#pty = parts.pty;
    this.#bridge = parts.bridge;
    this.#socket = parts.socket;
  }

  static async start({ folder, program, node, online }: DeviceOptions) {
    await makeFolder(folder);
    const tenant = fieldTenant();
    const device = tenant.enrol("bench-1", { topics: [TOPIC], urls: [] });
    const bridge = new FieldBridge({ tenant, device });
    if (online) await bridge.start(0);
    const pty = await openPty({ link: join(folder, "tty") });
    await replaceSecretFile(join(folder, "credential"), encodeCredential(device.credential));
    const config = join(folder, "agent.yaml");
    const settings = {
      credential: "credential",
      stateDir: "state",
      ports: [{ path: pty.path, profile: "json-lines", topic: TOPIC }],
      bridge: { urls: [`mqtt://127.0.0.1:${online ? bridge.port : 1}`] },
    };
    await replaceFile(config, stringify(settings));
    const beganMs = performance.now();
    const args = [...node.flags, program, "agent", "run", "--config", config];
    const child = spawn(process.execPath, args, {
      stdio: ["ignore", "ignore", "pipe"],
      env: node.env,
    });
    const log: string[] = [];
    await untilSaid(child, READY, log);
    const startMs = performance.now() - beganMs;
    const socket = join(folder, "state/agent.sock");
    return new BenchDevice({ child, pty, bridge, socket, startMs, log });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async status(): Promise<AgentStatus> {
    return parseJson(await askLocal(this.#socket, "/status"), agentStatusSchema);
  }

  /** Writes `perSecond` readings a second, or as many as the port takes, for `forMs`; how many that were. */
  async send(perSecond: number, forMs: number, signal: AbortSignal): Promise<number> {
    const [beganMs, before] = [performance.now(), this.#lines];
    for (let spentMs = 0; spentMs < forMs; spentMs = performance.now() - beganMs) {
      const sent = this.#lines - before;
      const due = Number.isFinite(perSecond)
        ? Math.floor((perSecond * spentMs) / 1000) - sent
        : BURST_LINES;
      if (due > 0) await this.#pty.write(this.#readings(due));
      if (Number.isFinite(perSecond) && !(await pause(TICK_MS, signal))) break;
      signal.throwIfAborted();
      // Nobody would read the port any more, and the next write would wait for ever.
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`the agent ended: ${this.#log.at(-1)}`);
    }
    return this.#lines - before;
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await ended;
    await this.#pty.close();
    await this.#bridge.stop();
  }

  #readings(count: number): string {
    let text = "";
    for (let i = 0; i < count; i++)
      text += `{"n":${this.#lines++},"temperature":21.${this.#lines % 10},"humidity":40.5}\n`;
    return text;
  }
}

/** Resolves when the log has said `text`. All of it goes to `lines`. */
async function untilSaid({ stderr }: ChildProcess, text: string, lines: string[]): Promise<void> {
  if (!stderr) throw new Error("the agent's log is not piped");
  const log = createInterface({ input: stderr });
  await new Promise<void>((resolve, reject) => {
    log.on("line", (line) => {
      lines.push(line);
      if (line.includes(text)) resolve();
    });
    log.once("close", () => reject(new Error(`the agent ended: ${lines.at(-1)}`)));
  });
}

/** A device of the rig: sensor, serial line, agent and a network of its own, with what its agent reported. */
import { execFile } from "node:child_process";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { AgentStatus } from "../../agent/device/status.ts";
import { VeilError } from "../../core/errors.ts";
import { pause } from "../../core/runtime/backoff.ts";
import type { DemoAgent } from "../../demo/demo-agent.ts";
import type { Ledger } from "./ledger.ts";
import type { FieldNetwork } from "./network.ts";

const run = promisify(execFile);
const REPORT_EVERY_MS = 250;
/** For so long the disk still has room for a part of what is written to it. */
const TORN_MS = 500;
const ROOM_BYTES = 100;

export interface DeviceOptions {
  readonly name: string;
  readonly agent: DemoAgent;
  /** The agent's folder. */
  readonly folder: string;
  readonly network: FieldNetwork;
  readonly ledger: Ledger;
}

export class Device {
  readonly name: string;
  readonly agent: DemoAgent;
  readonly network: FieldNetwork;
  readonly #options: DeviceOptions;
  /** Grows with each outage, so that an answer from before one is not taken for one from after it. */
  #outages = 0;

  constructor(options: DeviceOptions) {
    this.name = options.name;
    this.agent = options.agent;
    this.network = options.network;
    this.#options = options;
  }

  /** What the sensor writes into each line, to be found again in the consumer's output. */
  get sensor(): string {
    return this.agent.sensor.serial;
  }

  /** Asks the agent for what it has taken, and notes it; `null` where none answers. */
  async report(): Promise<AgentStatus | null> {
    const outages = this.#outages;
    const status = await this.agent.status().catch(() => null);
    const newest = status?.ports[0]?.newest;
    if (newest !== undefined && outages === this.#outages)
      this.#options.ledger.reported(this.sensor, newest);
    return status;
  }

  /** Reports regularly until `signal` aborts. */
  async reportRegularly(signal: AbortSignal): Promise<void> {
    while (await pause(REPORT_EVERY_MS, signal)) await this.report();
  }

  /** Its readings may be not taken from now on. */
  async outageBegins(): Promise<void> {
    await this.report();
    this.#outages += 1;
    this.#options.ledger.outageBegins(this.sensor);
  }

  outageEnds(): void {
    this.#outages += 1;
    this.#options.ledger.outageEnds(this.sensor);
  }

  /** The agent's disk fills up in the middle of a write, and then takes nothing at all. */
  async fillDisk(): Promise<void> {
    const outbox = join(this.#options.folder, "state", "outbox");
    const sizes = await Promise.all(
      (await readdir(outbox)).map(async (name) => (await stat(join(outbox, name))).size),
    );
    await this.#limitFiles(String(Math.max(0, ...sizes) + ROOM_BYTES));
    await sleep(TORN_MS);
    await this.#limitFiles("0");
  }

  async freeDisk(): Promise<void> {
    await this.#limitFiles("unlimited");
  }

  /** The longest file that the agent may write (RLIMIT_FSIZE): what lies beyond fails, as on a full disk. */
  async #limitFiles(bytes: string): Promise<void> {
    const { pid } = this.agent.process;
    if (pid === undefined) throw new VeilError("UNAVAILABLE", `${this.name} does not run`);
    await run("prlimit", ["--pid", String(pid), `--fsize=${bytes}:unlimited`]);
  }
}

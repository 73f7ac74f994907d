/** A process of its own that is a fleet of devices. One order at a time over its IPC channel, and one answer. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { VeilError } from "../../../core/errors.ts";
import { packageFile } from "../../../core/runtime/package.ts";
import { Histogram } from "../load/histogram.ts";
import type { At, DeviceWords } from "./device.ts";

const ENTRY = packageFile("dist", "test", "bench", "reconnect", "fleet-process.js");

export type FleetOrder =
  | { readonly be: readonly DeviceWords[] }
  | { readonly cut: true }
  /** At most so many of them on their way at a time; all at once without it. */
  | { readonly flow: At; readonly isFirst: boolean; readonly atOnce?: number };

export interface FleetAnswer {
  /** Of each device, from the order to its PUBACK. */
  readonly times: number[];
  /** Connections that it took. */
  readonly attempts: number;
}

export interface Flowing {
  readonly times: Histogram;
  readonly attempts: number;
}

export class FleetProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Devices, not connected yet. */
  static async start(devices: readonly DeviceWords[]): Promise<FleetProcess> {
    const fleet = new FleetProcess(fork(ENTRY, { serialization: "advanced" }));
    await fleet.#ask({ be: devices });
    return fleet;
  }

  /** Resolves when each device has the PUBACK of a record. */
  async flow(order: Extract<FleetOrder, { flow: At }>): Promise<Flowing> {
    const { times, attempts } = await this.#ask(order);
    return { times: new Histogram(times), attempts };
  }

  async cut(): Promise<void> {
    await this.#ask({ cut: true });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }

  async #ask(order: FleetOrder): Promise<FleetAnswer> {
    const cancel = new AbortController();
    const { signal } = cancel;
    const answered = once(this.#child, "message", { signal });
    const exited = once(this.#child, "exit", { signal }).then(() => undefined);
    for (const promise of [answered, exited]) promise.catch(() => undefined);
    this.#child.send(order);
    const answer = await Promise.race([answered, exited]);
    cancel.abort();
    if (!answer) throw new VeilError("INTERNAL", "the fleet ended");
    const [given]: [FleetAnswer] = [answer[0]];
    return given;
  }
}

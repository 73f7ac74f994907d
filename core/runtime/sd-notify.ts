/**
 * What a daemon tells systemd (sd_notify(3)): that it is ready, that it stops, and while its loops turn that it lives
 * (WatchdogSec=). Node has no unix datagrams, and a package that has them compiles on the device: so `systemd-notify`
 * is spawned for each message, about 5 ms, and the unit says NotifyAccess=all. Without systemd nothing is sent.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Logger } from "./log.ts";
import type { Pulse } from "./pulse.ts";

const run = promisify(execFile);
const SPAWN_DEADLINE_MS = 10_000;
/** Fed three times within what the unit allows: one may be late, and one lost. */
const FEEDS_PER_PERIOD = 3;

export interface SystemdOptions {
  /** The loops that must turn; asked before every feed. */
  readonly pulses: () => readonly Pulse[];
  readonly log: Logger;
  readonly env?: NodeJS.ProcessEnv;
}

export class Systemd {
  readonly #options: SystemdOptions;
  readonly #env: NodeJS.ProcessEnv;
  #timer: NodeJS.Timeout | undefined;
  #isHanging = false;

  constructor(options: SystemdOptions) {
    this.#options = options;
    this.#env = options.env ?? process.env;
  }

  /** The daemon serves; from now on it is watched. */
  async ready(): Promise<void> {
    await this.#notify("READY=1");
    const periodMs = watchdogMs(this.#env);
    if (periodMs === null) return;
    this.#timer = setInterval(() => this.#feed(), periodMs / FEEDS_PER_PERIOD);
  }

  /** The daemon ends, on purpose. */
  async stopping(): Promise<void> {
    clearInterval(this.#timer);
    await this.#notify("STOPPING=1");
  }

  #feed(): void {
    const hanging = this.#options.pulses().filter(({ isAlive }) => !isAlive);
    if (hanging.length === 0) void this.#notify("WATCHDOG=1");
    else if (!this.#isHanging)
      this.#options.log.fatal(
        { loops: hanging.map(({ name }) => name) },
        "a loop hangs: the watchdog is not fed any more",
      );
    this.#isHanging = hanging.length > 0;
  }

  /** Never throws: what it cannot tell now, systemd finds out. */
  async #notify(message: string): Promise<void> {
    const { NOTIFY_SOCKET, PATH } = this.#env;
    if (NOTIFY_SOCKET === undefined) return;
    await run("systemd-notify", [message], {
      env: { NOTIFY_SOCKET, PATH },
      timeout: SPAWN_DEADLINE_MS,
    }).catch((error: unknown) =>
      this.#options.log.warn({ err: error, message }, "systemd could not be told"),
    );
  }
}

/** In what time systemd wants to hear of this process; null where it does not. */
function watchdogMs({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): number | null {
  if (WATCHDOG_PID !== undefined && Number(WATCHDOG_PID) !== process.pid) return null;
  const ms = Number(WATCHDOG_USEC) / 1000;
  return ms > 0 ? ms : null;
}

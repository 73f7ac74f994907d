/**
 * Notices who says nothing for one and a half times its keepalive (MQTT 3.1.1 §3.1.2.10). aedes moves a timer for each packet, and with it
 * its neighbours in Node's list of timers, which cost a record of one of 500 clients 3 % of its time. Here the timer asks when the
 * last bytes came, and is set anew for what is left.
 */
const GRACE = 1.5;
/** Node keeps a list for each length of a timer, so that few lengths are in use. */
const GRAIN_MS = 1000;

/** Whose silence is noticed. */
export interface Speaking {
  /** When the last bytes came, by `performance.now()`. */
  readonly readAtMs: number;
  /** Called at most once, up to a second late. */
  silent(): void;
}

export class Keepalive {
  readonly #client: Speaking;
  readonly #limitMs: number;
  #timer: NodeJS.Timeout;

  constructor(client: Speaking, keepaliveS: number) {
    this.#client = client;
    this.#limitMs = 1000 * keepaliveS * GRACE;
    this.#timer = setTimeout(ask, this.#limitMs, this);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  ask(): void {
    const leftMs = this.#client.readAtMs + this.#limitMs - performance.now();
    if (leftMs <= 0) this.#client.silent();
    else this.#timer = setTimeout(ask, Math.ceil(leftMs / GRAIN_MS) * GRAIN_MS, this);
  }
}

/** One function for all: ten thousand clients have no closure each. */
function ask(keepalive: Keepalive): void {
  keepalive.ask();
}

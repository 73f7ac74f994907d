/**
 * What waited when a connection began, on its way: at a bounded rate, so that a fleet that comes back after an outage
 * does not come down on its bridge all at once, and with a line in the log now and then. What is read meanwhile is not
 * held back, except by what is before it in its stream.
 */
import type { Logger } from "../../../core/runtime/log.ts";
import type { StoredEntry } from "../outbox/entry.ts";

/** A backlog worth a word in the log. */
const WORTH_TELLING = 1000;
const TELL_INTERVAL_MS = 10_000;
/** So many may leave at once: the timers of a busy process are late by that much. */
const BURST_MS = 50;

export interface ReplayOptions {
  /** The newest sequence when the connection began: everything up to it is backlog. */
  readonly until: number;
  /** How many entries that is. */
  readonly total: number;
  readonly perSecond: number;
  readonly log: Logger;
  /** Monotonic; `performance.now` unless a test brings its own. */
  readonly nowMs?: () => number;
}

export class Replay {
  readonly #options: ReplayOptions;
  readonly #nowMs: () => number;
  readonly #startedMs: number;
  #done = 0;
  #toldMs: number;
  /** When the next entry may leave. */
  #dueMs: number;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#startedMs = this.#nowMs();
    this.#toldMs = this.#startedMs;
    this.#dueMs = this.#startedMs;
  }

  /** For how long `entry` has to wait, in milliseconds; 0 where it may leave now. */
  waitMs({ sequence }: StoredEntry): number {
    if (sequence > this.#options.until) return 0;
    return Math.max(0, this.#dueMs - this.#nowMs());
  }

  /** `entry` leaves. */
  sent({ sequence }: StoredEntry): void {
    if (sequence > this.#options.until) return;
    const earliestMs = this.#nowMs() - BURST_MS;
    this.#dueMs = Math.max(this.#dueMs, earliestMs) + 1000 / this.#options.perSecond;
  }

  /** `entry` is with the bridge. */
  acknowledged({ sequence }: StoredEntry): void {
    const { until, total, log } = this.#options;
    if (sequence > until || total < WORTH_TELLING) return;
    this.#done++;
    const nowMs = this.#nowMs();
    const tookS = (nowMs - this.#startedMs) / 1000;
    if (this.#done === total) log.info({ entries: total, tookS: round(tookS) }, "replayed");
    else if (nowMs - this.#toldMs >= TELL_INTERVAL_MS) {
      this.#toldMs = nowMs;
      const perSecond = this.#done / tookS;
      const leftS = Math.round((total - this.#done) / perSecond);
      log.info({ done: this.#done, of: total, perSecond: round(perSecond), leftS }, "replaying");
    }
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

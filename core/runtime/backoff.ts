/** Waiting between attempts: exponential with full jitter, so that a fleet does not return in step. */
import { setTimeout as sleep } from "node:timers/promises";

export interface BackoffOptions {
  readonly minMs: number;
  readonly maxMs: number;
}

export class Backoff {
  readonly #options: BackoffOptions;
  #attempt = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** The next delay: uniform in [min, min·2^attempt] with attempts counted from 1, capped at max. */
  nextMs(): number {
    const { minMs, maxMs } = this.#options;
    this.#attempt = Math.min(this.#attempt + 1, 30);
    const ceiling = Math.min(maxMs, minMs * 2 ** this.#attempt);
    return minMs + Math.random() * (ceiling - minMs);
  }

  /** Sleeps for `nextMs()`; `false` if `signal` ended the wait. */
  async wait(signal: AbortSignal): Promise<boolean> {
    return pause(this.nextMs(), signal);
  }

  /** After a success: the next failure starts at min again. */
  reset(): void {
    this.#attempt = 0;
  }
}

/** For whoever must give a signal and never wants to end the wait. */
export const NEVER: AbortSignal = new AbortController().signal;

/** Sleeps `ms`; `false` if `signal` ended the wait. Does not throw. */
export async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  return sleep(ms, true, { signal }).catch(() => false);
}

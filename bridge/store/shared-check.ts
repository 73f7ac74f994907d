/**
 * One question that many ask at once: who asks gets an answer to a question put after they asked, and all who
 * ask meanwhile share it. Questions are put one at a time and at most every `minIntervalMs`, however many ask.
 */
import { setTimeout as sleep } from "node:timers/promises";

export interface SharedCheckOptions {
  readonly check: () => Promise<void>;
  readonly minIntervalMs: number;
}

export class SharedCheck {
  readonly #options: SharedCheckOptions;
  #last: Promise<unknown> = Promise.resolve();
  #next: Promise<void> | undefined;
  #putAtMs = -Infinity;

  constructor(options: SharedCheckOptions) {
    this.#options = options;
  }

  /** Resolves or rejects as a check that begins after this call. */
  async ask(): Promise<void> {
    this.#next ??= this.#put();
    return this.#next;
  }

  async #put(): Promise<void> {
    await this.#last;
    const waitMs = this.#putAtMs + this.#options.minIntervalMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    this.#putAtMs = performance.now();
    this.#next = undefined;
    const check = this.#options.check();
    this.#last = check.catch(() => undefined);
    await check;
  }
}

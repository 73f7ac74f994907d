/**
 * At-least-once delivery to something outside that may refuse: a few readings at a time, tried again until they are
 * accepted. Nothing further is read meanwhile.
 */
import { isVeilError, VeilError } from "../../core/errors.ts";
import { Backoff } from "../../core/runtime/backoff.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { Reading } from "./reading.ts";
import type { ReadingSink } from "./reading-sink.ts";

const RETRY = { minMs: 250, maxMs: 30_000 };
/** In one attempt. */
const MAX_READINGS = 500;

export interface DeliveryOptions {
  /** One attempt. Throws what is retryable, or what ends the consumer; to be brief once `signal` aborts. */
  readonly attempt: (readings: readonly Reading[], signal: AbortSignal) => Promise<void>;
  /** At the end. */
  readonly close?: () => Promise<void>;
  /** What refuses, for the log. */
  readonly name: string;
  readonly log: Logger;
}

export class DeliverySink implements ReadingSink {
  readonly #options: DeliveryOptions;
  #taken = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Of the readings written last. */
  get taken(): number {
    return this.#taken;
  }

  async open(): Promise<undefined> {
    return undefined;
  }

  /** Throws STOPPED if `signal` aborts before all is accepted: then the rest is delivered in the next run. */
  async write(readings: readonly Reading[], signal: AbortSignal): Promise<void> {
    this.#taken = 0;
    for (let n = 0; n < readings.length; n += MAX_READINGS) {
      const some = readings.slice(n, n + MAX_READINGS);
      await this.#deliver(some, signal);
      this.#taken += some.length;
    }
  }

  async flush(): Promise<null> {
    return null;
  }

  async close(): Promise<void> {
    await this.#options.close?.();
  }

  async #deliver(readings: readonly Reading[], signal: AbortSignal): Promise<void> {
    const { attempt, name, log } = this.#options;
    const backoff = new Backoff(RETRY);
    do {
      try {
        await attempt(readings, signal);
        return;
      } catch (error) {
        if (!isVeilError(error) || !error.retryable) throw error;
        log.warn({ err: error, readings: readings.length }, `${name} refuses; trying again`);
      }
    } while (await backoff.wait(signal));
    throw new VeilError("STOPPED", "stopped before all was delivered");
  }
}

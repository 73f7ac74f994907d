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
/** In one attempt, which holds at least one. */
const MAX_READINGS = 500;
const MAX_BYTES = 256 * 1024;

export interface DeliveryOptions {
  readonly encode: (reading: Reading) => string;
  /**
   * One attempt, with readings as `encode` made them. Throws what is retryable, TOO_LARGE where fewer may do, or what ends
   * the consumer; to be brief once `signal` aborts.
   */
  readonly attempt: (encoded: readonly string[], signal: AbortSignal) => Promise<void>;
  /** At the end. */
  readonly close?: () => Promise<void>;
  /** What refuses, for the log. */
  readonly name: string;
  readonly log: Logger;
}

export class DeliverySink implements ReadingSink {
  readonly #options: DeliveryOptions;
  #taken = 0;
  #maxBytes = MAX_BYTES;

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
    const encoded = readings.map(this.#options.encode);
    while (this.#taken < encoded.length) {
      const some = this.#fitting(encoded.slice(this.#taken, this.#taken + MAX_READINGS));
      try {
        await this.#deliver(some, signal);
        this.#taken += some.length;
      } catch (error) {
        if (!isVeilError(error, "TOO_LARGE") || some.length === 1) throw error;
        this.#maxBytes = some.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / 2;
      }
    }
  }

  #fitting(encoded: readonly string[]): readonly string[] {
    let bytes = 0;
    const end = encoded.findIndex((text, n) => {
      bytes += Buffer.byteLength(text);
      return n > 0 && bytes > this.#maxBytes;
    });
    return end < 0 ? encoded : encoded.slice(0, end);
  }

  async flush(): Promise<null> {
    return null;
  }

  async close(): Promise<void> {
    await this.#options.close?.();
  }

  async #deliver(encoded: readonly string[], signal: AbortSignal): Promise<void> {
    const { attempt, name, log } = this.#options;
    const backoff = new Backoff(RETRY);
    do {
      try {
        await attempt(encoded, signal);
        return;
      } catch (error) {
        if (!isVeilError(error) || !error.retryable) throw error;
        log.warn({ err: error, readings: encoded.length }, `${name} refuses; trying again`);
      }
    } while (await backoff.wait(signal));
    throw new VeilError("STOPPED", "stopped before all was delivered");
  }
}

/**
 * The promise behind the PUBACK: `write()` settles a record when Kafka has it with acks=all, and never before.
 *
 *   write → backlog (bounds) → lane of its partition → dispatcher → send → confirmed | retried | rejected
 *
 * Per partition one request is in flight, and its head is retried until it is confirmed, however long Kafka is away.
 * A record that fails for good takes the later ones of its session with it, as does the session's end: a record may
 * be written twice, but never before one that its session wrote earlier (PROTOCOL.md §3, "Order and repeats").
 */
import { VeilError } from "../../core/errors.ts";
import { pause } from "../../core/runtime/backoff.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { Backlog } from "./backlog.ts";
import { Dispatcher, type Send } from "./dispatcher.ts";
import { DEFAULT_WRITER_LIMITS, type WriterLimits } from "./limits.ts";
import type { Sender, WriterRecord } from "./record.ts";

export interface WriterOptions {
  readonly send: Send;
  readonly log: Logger;
  readonly limits?: Partial<WriterLimits>;
  /** `true`: much is unconfirmed, take in less; `false`: there is room again. */
  readonly onPressure?: (isHigh: boolean) => void;
}

export class Writer {
  readonly #backlog: Backlog;
  readonly #dispatcher: Dispatcher;
  #isStopping = false;

  constructor({ send, log, limits: given, onPressure = () => undefined }: WriterOptions) {
    const limits = { ...DEFAULT_WRITER_LIMITS, ...given };
    this.#backlog = new Backlog({ limits, onPressure });
    this.#dispatcher = new Dispatcher({
      send,
      limits,
      log,
      onConfirmed: (record) => this.#backlog.settle(record),
      onRejected: (record, error) => this.#dispatcher.sweep(this.#backlog.reject(record, error)),
    });
  }

  /** Records that are accepted and neither confirmed nor rejected. */
  get queued(): number {
    return this.#backlog.size;
  }

  get queuedBytes(): number {
    return this.#backlog.bytes;
  }

  /** Requests to Kafka under way. */
  get inFlight(): number {
    return this.#dispatcher.requests;
  }

  /** Partitions whose head failed and is retried. */
  get failing(): number {
    return this.#dispatcher.failing;
  }

  /**
   * Calls `record.onSettled` once: without an error when all in-sync replicas have the record, however long Kafka is away;
   * with Kafka's verdict where it is final (TOO_LARGE, NOT_FOUND, …), LIMIT where there is no room, DISCONNECTED after
   * an earlier rejection or `drop`, STOPPED. After any rejection the session is done: nothing later of it is
   * written. What is refused at once is settled before this returns.
   */
  write(record: WriterRecord): void {
    if (this.#isStopping) {
      record.onSettled(new VeilError("STOPPED", "the bridge stops"));
      return;
    }
    if (this.#backlog.add(record)) this.#dispatcher.add(record);
  }

  /** The session ended: what of it is not confirmed is rejected with DISCONNECTED, and not sent again. */
  drop(sender: Sender): void {
    this.#dispatcher.sweep(this.#backlog.drop(sender));
  }

  /** Takes nothing more, and gives what it has up to `deadlineMs` to be confirmed; the rest is rejected with STOPPED. */
  async stop(deadlineMs: number): Promise<void> {
    this.#isStopping = true;
    this.#dispatcher.hurry();
    const cancel = new AbortController();
    await Promise.race([this.#backlog.drained(), pause(deadlineMs, cancel.signal)]);
    cancel.abort();
    this.#dispatcher.stop();
    const stopped = new VeilError("STOPPED", "the bridge stops");
    for (const record of this.#dispatcher.records) this.#backlog.settle(record, stopped);
  }
}

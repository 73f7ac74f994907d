/**
 * One topic's way from readings to the outbox: a bounded queue, the sealer, the disk. A reading is *taken*
 * when its sealed record is on disk (PROTOCOL.md §7).
 *
 * One batch is under way at a time, so order is kept without effort, and while the disk works on one
 * the next one gathers. Where readings come faster than that, `offer` makes the line wait. Where the disk
 * refuses, a line that waits would lose readings uncounted in the kernel's buffer: then what does not
 * fit into the queue is dropped, and counted.
 */
import { isVeilError, VeilError } from "../../../core/errors.ts";
import { pause } from "../../../core/runtime/backoff.ts";
import type { Logger } from "../../../core/runtime/log.ts";
import { decodeHeader, recordId } from "../../../core/scheme/record/header.ts";
import type { OutboxWriter } from "../outbox/api.ts";
import type { NewEntry, StreamId } from "../outbox/entry.ts";
import type { Reading, Sealer } from "./sealer.ts";

const MAX_QUEUED = 2048;
const MAX_BATCH_RECORDS = 512;
const MAX_BATCH_BYTES = 128 * 1024;
const RETRY_MS = 1000;

export type TopicSealer = Pick<Sealer, "stream" | "needsKey" | "renew" | "seal" | "rekey">;

export interface IntakeOptions {
  readonly sealer: TopicSealer;
  readonly outbox: OutboxWriter;
  /** At the outbox's bound: `newest` drops what comes, `oldest` never refuses for long. */
  readonly policy: "oldest" | "newest";
  readonly log: Logger;
  /** Told how many records of a batch are on disk now. */
  readonly onTaken?: (records: number) => void;
  readonly maxQueued?: number;
  readonly retryMs?: number;
}

export class Intake {
  readonly #options: IntakeOptions;
  readonly #maxQueued: number;
  readonly #queue: Reading[] = [];
  #sealer: TopicSealer;
  /** Who waits for room in the queue. */
  readonly #waiting: (() => void)[] = [];
  readonly #stopping = new AbortController();
  /** An announcement whose batch was refused: it goes before the next record of its kid. */
  #owed: NewEntry | undefined;
  /** Readings that may not be dropped and could not be taken: they go before the next one. */
  readonly #kept: Reading[] = [];
  #working: Promise<void> | undefined;
  #refused: VeilError | undefined;
  #suspended = false;
  #dropped = 0;
  #newest: NewEntry | undefined;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#sealer = options.sealer;
    this.#maxQueued = options.maxQueued ?? MAX_QUEUED;
  }

  /** Readings that came and were not taken: the disk refused, the bound, a suspension, one too large. */
  get dropped(): number {
    return this.#dropped;
  }

  /** `kid:seq` of the newest record on disk since the start: what consumers call it, too. */
  get newest(): string | undefined {
    return this.#newest && recordId(decodeHeader(this.#newest.payload));
  }

  /** Why nothing is being taken at the moment, if so. */
  get trouble(): VeilError | undefined {
    return this.#refused;
  }

  /** Puts a reading into the queue; resolves when there is room for the next one. */
  async offer(reading: Reading): Promise<void> {
    if (reading.isKept && (!this.#mayTake() || this.#queue.length >= this.#maxQueued)) {
      this.#kept.push(reading);
      return;
    }
    while (this.#queue.length >= this.#maxQueued && this.#mayTake() && !this.#refused)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (!this.#mayTake() || this.#queue.length >= this.#maxQueued) {
      this.#dropped++;
      return;
    }
    this.#queue.push(reading);
    this.#working ??= this.#work();
  }

  /**
   * From the next reading on `sealer`, of a newer epoch, seals. One batch is under way at a time, so all that was
   * sealed before is in the outbox before it.
   */
  use(sealer: TopicSealer): void {
    this.#sealer = sealer;
    // Of a kid under which nothing more is sealed.
    this.#owed = undefined;
  }

  /** The bridge asks for a new key of this stream: the next reading begins it, if the stream is still sealed for. */
  rekey(stream: StreamId): void {
    if (this.#sealer.stream === stream) this.#sealer.rekey();
  }

  /** A revoked device stops taking (PROTOCOL.md §7); what is in the outbox stays. */
  suspend(suspended: boolean): void {
    this.#suspended = suspended;
    this.#release();
  }

  /** Seals and stores what is queued, then takes no more. Gives up where the disk refuses. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#release();
    await this.#working;
    const left = this.#kept.length + this.#queue.splice(0).length;
    this.#drop(left, "stopped before the disk took them");
  }

  #mayTake(): boolean {
    return !this.#suspended && !this.#stopping.signal.aborted;
  }

  async #work(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const batch = this.#nextBatch();
        this.#release();
        const entries = await this.#sealAll(batch);
        if (entries) await this.#store(entries, batch);
      }
    } finally {
      this.#working = undefined;
    }
  }

  #nextBatch(): Reading[] {
    let bytes = 0;
    const end = this.#queue.findIndex((reading, i) => {
      bytes += reading.plaintext.length;
      return i > 0 && (i >= MAX_BATCH_RECORDS || bytes > MAX_BATCH_BYTES);
    });
    return [...this.#kept.splice(0), ...this.#queue.splice(0, end < 0 ? this.#queue.length : end)];
  }

  #release(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }

  /** The entries of a batch; `null` where a stop came before there was a key. */
  async #sealAll(batch: readonly Reading[]): Promise<NewEntry[] | null> {
    const entries: NewEntry[] = this.#owed ? [this.#owed] : [];
    this.#owed = undefined;
    for (const reading of batch) {
      // Again where a newer sealer came meanwhile.
      while (this.#sealer.needsKey) {
        const announcement = await this.#renew();
        if (!announcement) {
          this.#drop(batch.length, "stopped before a key was made");
          return null;
        }
        entries.push(announcement);
      }
      try {
        entries.push(this.#sealer.seal(reading));
      } catch (error) {
        const isTooLarge = isVeilError(error, "TOO_LARGE");
        if (!isTooLarge) this.#options.log.error({ err: error }, "a reading could not be sealed");
        this.#drop(1, isTooLarge ? "larger than a record may be" : "not sealed");
      }
    }
    return entries;
  }

  /** Tries until there is a key, for without one no reading can be taken; `null` after a stop. */
  async #renew(): Promise<NewEntry | null> {
    for (;;) {
      try {
        return await this.#sealer.renew();
      } catch (error) {
        if (this.#stopping.signal.aborted) return null;
        this.#options.log.error({ err: error }, "no key could be made; trying again");
        await this.#pause();
      }
    }
  }

  /** Tries until the entries are on disk, the policy drops them, or a stop ends it. */
  async #store(entries: readonly NewEntry[], batch: readonly Reading[]): Promise<void> {
    const records = entries.filter((entry) => entry.kind === "record").length;
    const newest = entries.findLast((entry) => entry.kind === "record");
    for (;;) {
      try {
        await this.#options.outbox.append(entries);
        this.#accepted();
        this.#newest = newest ?? this.#newest;
        this.#options.onTaken?.(records);
        return;
      } catch (cause) {
        const error = isVeilError(cause)
          ? cause
          : new VeilError("INTERNAL", "the outbox failed", { cause });
        this.#refuse(error);
        if (error.code === "LIMIT" && this.#options.policy === "newest") {
          const owed = entries.findLast((entry) => entry.kind === "announcement");
          if (owed?.stream === this.#sealer.stream) this.#owed = owed;
          const kept = batch.filter(({ isKept }) => isKept);
          this.#kept.push(...kept);
          this.#dropped += Math.max(0, records - kept.length);
          return;
        }
        if (!error.retryable || this.#stopping.signal.aborted) {
          this.#drop(records, "the outbox did not take them before the stop");
          return;
        }
        await this.#pause();
      }
    }
  }

  async #pause(): Promise<void> {
    await pause(this.#options.retryMs ?? RETRY_MS, this.#stopping.signal);
  }

  #refuse(error: VeilError): void {
    const first = this.#refused === undefined;
    this.#refused = error;
    this.#release();
    if (first) this.#options.log.error({ err: error }, "the outbox takes no readings");
  }

  #accepted(): void {
    if (!this.#refused) return;
    this.#refused = undefined;
    this.#options.log.info({ dropped: this.#dropped }, "the outbox takes readings again");
  }

  #drop(records: number, why: string): void {
    if (records === 0) return;
    this.#dropped += records;
    this.#options.log.warn({ records }, `readings dropped: ${why}`);
  }
}

/** The two sides of the outbox: who seals readings writes, the uplink reads. `Outbox` is both. */
import type { RefusalCode } from "../../../core/errors.ts";
import type { NewEntry, StoredEntry, StreamId } from "./entry.ts";

/** For the sealing side. */
export interface OutboxWriter {
  /**
   * Appends in order, all or nothing; resolves with the sequences when every entry is on disk
   * (written and fdatasync'd): only then is a reading *taken*. Calls may overlap and keep their order: if
   * one fails with DISK, those that wait behind it fail too, so that no record overtakes another.
   * Throws DISK (retryable; nothing was taken), LIMIT (retryable: the bound with policy `newest`, or
   * more waits for the disk than memory should hold), BAD_ARGUMENT, STOPPED.
   */
  append(entries: readonly NewEntry[]): Promise<readonly number[]>;
}

/** One stream with entries that are not acknowledged yet. */
export interface StreamState {
  readonly stream: StreamId;
  /** Entries that are not acknowledged. */
  readonly depth: number;
  /** Everything up to here is done: the `after` to resume with. 0 at the beginning. */
  readonly acknowledged: number;
}

/** For the uplink. */
export interface OutboxReader {
  /** The highest sequence on disk; 0 in an outbox that never held anything. */
  readonly lastSequence: number;
  /** Entries on disk and not acknowledged, over all streams. */
  readonly depth: number;
  /** Entries of one stream that are on disk and not acknowledged, in flight or not. */
  depthOf(stream: StreamId): number;
  /** The streams that have entries to send. */
  streams(): StreamState[];
  /**
   * The next entries of a stream after the sequence `after` that are neither acknowledged nor refused, in
   * order, at most `max` (and at most one segment's worth: fewer than `max` does not mean the end).
   * Empty: nothing is left. Throws DISK.
   */
  next(stream: StreamId, after: number, max: number): Promise<StoredEntry[]>;
  /** Done, with everything before it in its stream. Cheap; lost in a crash it only repeats. */
  acknowledge(entry: StoredEntry): void;
  /**
   * Refused for good: kept in `rejected/` with code and time, and never handed out again by `next`.
   * What comes before it in its stream stays until acknowledged. Throws DISK: then nothing has changed.
   */
  reject(entry: StoredEntry, code: RefusalCode): Promise<void>;
  /** Resolves once `lastSequence > sequence`. Throws STOPPED when aborted or stopped. */
  waitBeyond(sequence: number, signal?: AbortSignal): Promise<void>;
}

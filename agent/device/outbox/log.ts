/**
 * The writing side: groups of appends and marks become durable in the newest segment, which rolls at its
 * size; what is done, or beyond the bound, is removed.
 */
import { VeilError } from "../../../core/errors.ts";
import type { AgeClock, Stamp } from "./age-clock.ts";
import { encodeBatch, HEADER_BYTES, type LogEntry, type Mark, OVERHEAD_BYTES } from "./codec.ts";
import type { NewEntry, StreamId } from "./entry.ts";
import { encodeFooter } from "./footer.ts";
import type { Pending } from "./group-commit.ts";
import type { OutboxReport } from "./options.ts";
import type { Recovery } from "./recovery.ts";
import {
  doneSegments,
  dropOldest,
  expiredSegments,
  removeSegments,
  type Store,
} from "./retention.ts";
import { Segment } from "./segment.ts";
import { SegmentWriter } from "./segment-writer.ts";

/** How often the age clock is written: so much may be missing from it after a kill -9. */
const STAMP_INTERVAL_MS = 60_000;
/** A segment takes entries for that part of the age bound: it can be dropped only as a whole. */
const AGE_PARTS = 16;

export interface OutboxLogOptions {
  readonly store: Store;
  readonly clock: AgeClock;
  readonly segmentBytes: number;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  /** Whether the oldest are dropped at a bound; otherwise whoever appends has to look. */
  readonly dropsOldest: boolean;
  readonly onReport: (report: OutboxReport) => void;
}

/** The entries of one `append`. */
export type Appended = readonly LogEntry[];

export class OutboxLog {
  readonly #options: OutboxLogOptions;
  readonly #writer: SegmentWriter;
  readonly #dirty = new Set<StreamId>();
  #failing = false;
  #droppedRecords = 0;
  #stampedMs = Number.NEGATIVE_INFINITY;

  constructor(options: OutboxLogOptions) {
    this.#options = options;
    this.#writer = new SegmentWriter({ folder: options.store.folder });
  }

  get droppedRecords(): number {
    return this.#droppedRecords;
  }

  /** Whether something older than the bound waits. */
  get isOverAge(): boolean {
    const oldest = this.#options.store.ledger.segments.find(({ pending }) => pending > 0);
    return oldest !== undefined && oldest.bornMs < this.#ageLimitMs();
  }

  /** Goes on in the newest segment that recovery found. */
  async start(newest: Recovery["newest"]): Promise<void> {
    if (newest === null) return;
    await this.#writer.resume(newest.segment.path, newest.segment.bytes);
    this.#options.store.residents.begin(newest.segment, newest.entries);
  }

  async stop(): Promise<void> {
    // Without it the time until the next start does not count.
    await this.#writeLoose(this.#takeStamp(0)).catch(() => undefined);
    await this.#writer.seal();
  }

  /** The stream's mark is to be written with the next commit. */
  markDirty(stream: StreamId): void {
    this.#dirty.add(stream);
  }

  /**
   * Makes appends durable in order, as many as fit a segment at a time, and writes the dirty marks.
   * Returns the error that stopped it (all appends from there on are rejected with it), or null.
   */
  async commit(items: readonly Pending<Appended>[]): Promise<VeilError | null> {
    const waiting = groups(items, this.#options.segmentBytes);
    for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
      try {
        await this.#append(group.flatMap(({ item }) => item));
      } catch (cause) {
        const error = await this.#fail(cause);
        for (const { reject } of [group, ...waiting].flat()) reject(error);
        return error;
      }
      for (const { resolve } of group) resolve();
    }
    try {
      await this.#writeLoose(null);
      await this.#expire();
      await this.#reclaim();
    } catch (cause) {
      await this.#fail(cause);
    }
    return null;
  }

  async #append(entries: Appended): Promise<void> {
    const { ledger, residents } = this.#options.store;
    const bytes = encodeBatch(entries, this.#takeMarks(), this.#takeStamp(STAMP_INTERVAL_MS));
    await this.#makeRoom(bytes.length);
    const segment = await this.#segmentFor(entries[0]?.sequence ?? ledger.last + 1, bytes.length);
    await this.#writer.write(bytes, { sync: true });
    segment.bytes = this.#writer.position;
    for (const entry of entries) residents.append(ledger.add(segment, entry));
    if (this.#failing) this.#options.onReport({ event: "disk-ok" });
    this.#failing = false;
  }

  /** Drops the oldest segments until `bytes` more are within the bound, or nothing is left to drop. */
  async #makeRoom(bytes: number): Promise<void> {
    const { store, maxBytes, dropsOldest, onReport } = this.#options;
    while (dropsOldest && store.ledger.bytes + bytes > maxBytes) {
      const records = await dropOldest(store, store.ledger.segments.length - 1);
      if (records === null) return;
      this.#droppedRecords += records;
      onReport({ event: "dropped", records, bound: "bytes" });
    }
  }

  /** Drops the segments in which everything is older than the bound. */
  async #expire(): Promise<void> {
    const { store, dropsOldest, onReport } = this.#options;
    if (!dropsOldest) return;
    const { ledger } = store;
    const { newest } = ledger;
    // Only a segment with a successor can go.
    if (newest && newest.pending > 0 && newest.bornMs + this.#spanMs < this.#ageLimitMs())
      await this.#beginSegment(ledger.last + 1);
    for (;;) {
      const bound = { limitMs: this.#ageLimitMs(), spanMs: this.#spanMs };
      const records = await dropOldest(store, expiredSegments(ledger, bound));
      if (records === null) return;
      this.#droppedRecords += records;
      onReport({ event: "dropped", records, bound: "age" });
    }
  }

  /** For how long a segment takes entries. */
  get #spanMs(): number {
    return this.#options.maxAgeMs / AGE_PARTS;
  }

  #ageLimitMs(): number {
    return this.#options.clock.nowMs() - this.#options.maxAgeMs;
  }

  /** The segment to append to: the open one if `bytes` more fit, or else a new one from `first` on. */
  async #segmentFor(first: number, bytes: number): Promise<Segment> {
    const { store, segmentBytes, clock } = this.#options;
    const { newest } = store.ledger;
    if (this.#writer.isOpen && newest) {
      const fits = this.#writer.position + bytes <= segmentBytes;
      const isYoung = clock.nowMs() - newest.bornMs <= this.#spanMs;
      if (newest.count === 0) newest.bornMs = clock.nowMs();
      if ((fits && isYoung) || newest.count === 0) return newest;
    }
    return await this.#beginSegment(first);
  }

  async #beginSegment(first: number): Promise<Segment> {
    const { store, clock } = this.#options;
    const { folder, ledger, residents } = store;
    if (ledger.newest && this.#writer.isOpen) await this.#writeFooter(ledger.newest);
    await this.#writer.seal();
    residents.end();
    const segment = new Segment({ folder, first, bytes: HEADER_BYTES, bornMs: clock.nowMs() });
    await this.#writer.create(segment.path);
    ledger.segments.push(segment);
    residents.begin(segment, []);
    return segment;
  }

  /** Synced: what a power cut left of it would look like damage. */
  async #writeFooter(segment: Segment): Promise<void> {
    const { store, clock } = this.#options;
    const { bornMs } = segment;
    const footer = encodeFooter({ bornMs, stamp: clock.stamp(), rows: store.ledger.rows(segment) });
    if (footer) await this.#writer.write(footer, { sync: true });
    segment.bytes = this.#writer.position;
  }

  /**
   * Marks and stamps alone never open a segment, and need no fsync of their own: a lost mark only makes acknowledged
   * records be sent again.
   */
  async #writeLoose(stamp: Stamp | null, sync = false): Promise<void> {
    const { newest } = this.#options.store.ledger;
    if (!this.#writer.isOpen || !newest || (this.#dirty.size === 0 && !stamp)) return;
    await this.#writer.write(encodeBatch([], this.#takeMarks(), stamp), { sync });
    newest.bytes = this.#writer.position;
  }

  /** A stamp, if the last one is older than `intervalMs`. */
  #takeStamp(intervalMs: number): Stamp | null {
    const { clock } = this.#options;
    const nowMs = clock.nowMs();
    if (nowMs - this.#stampedMs < intervalMs) return null;
    this.#stampedMs = nowMs;
    return clock.stamp();
  }

  #takeMarks(): Mark[] {
    const { ledger } = this.#options.store;
    const marks = [...this.#dirty].map((stream) => ({
      stream,
      acknowledged: ledger.acknowledged(stream),
    }));
    this.#dirty.clear();
    return marks;
  }

  #markAllDirty(): void {
    for (const { stream } of this.#options.store.ledger.marks()) this.#dirty.add(stream);
  }

  async #reclaim(): Promise<void> {
    const { store } = this.#options;
    const { prefix, scattered } = doneSegments(store.ledger);
    await removeSegments(store, prefix);
    if (scattered.length === 0 || !this.#writer.isOpen) return;
    this.#markAllDirty();
    await this.#writeLoose(null, true);
    await removeSegments(store, scattered);
  }

  /** Leaves the segment in which a write failed; the next append begins a new one. */
  async #fail(cause: unknown): Promise<VeilError> {
    const { ledger, residents } = this.#options.store;
    await this.#writer.abandon();
    residents.end();
    const { newest } = ledger;
    if (newest?.count === 0 && newest.bytes <= HEADER_BYTES) ledger.remove(newest);
    this.#markAllDirty();
    this.#failing = true;
    const error = diskError(cause);
    this.#options.onReport({ event: "disk", error });
    return error;
  }
}

/** Whole appends, in order, as many together as fit a segment. */
function groups(items: readonly Pending<Appended>[], segmentBytes: number): Pending<Appended>[][] {
  const all: Pending<Appended>[][] = [];
  let group: Pending<Appended>[] = [];
  let groupBytes = 0;
  for (const pending of items) {
    const bytes = diskBytes(pending.item);
    if (group.length > 0 && groupBytes + bytes > segmentBytes) {
      all.push(group);
      group = [];
      groupBytes = 0;
    }
    group.push(pending);
    groupBytes += bytes;
  }
  if (group.length > 0) all.push(group);
  return all;
}

/** What entries take on disk, in bytes. */
export function diskBytes(entries: readonly NewEntry[]): number {
  return entries.reduce((sum, { payload }) => sum + OVERHEAD_BYTES + payload.length, 0);
}

/** A failure of the file system as DISK. */
export function diskError(cause: unknown): VeilError {
  if (cause instanceof VeilError) return cause;
  const full = cause instanceof Error && "code" in cause && cause.code === "ENOSPC";
  return new VeilError("DISK", full ? "the disk is full" : "the disk does not take the outbox", {
    hint: full ? "free some space; nothing is taken meanwhile" : "is the card worn or read-only?",
    cause,
  });
}

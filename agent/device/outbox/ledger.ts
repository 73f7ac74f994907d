/**
 * The outbox's index: which segments there are, and how far each stream is done.
 *
 * Memory. A month offline at one reading a second is 2.6 million entries in some 700 segments of 1 MiB.
 * An index entry each would be over 100 MB as objects; so the index is sparse: one tally per (segment,
 * stream), 700 small objects for that month, 14,000 with twenty streams. The entries themselves come from
 * reading a whole segment (residents.ts keeps the few that the uplink is working on). A stream is done
 * strictly from its front, so (segment, stream, how many) says all; the ordinal that every entry carries
 * turns an acknowledgement into that number without a look at the disk.
 */
import type { StreamState } from "./api.ts";
import type { LogEntry, Mark } from "./codec.ts";
import type { StoredEntry, StreamId } from "./entry.ts";
import type { FooterRow } from "./footer.ts";
import type { Segment, Tally } from "./segment.ts";

export class Ledger {
  /** Oldest first; the last one is the newest and may be open for appending. */
  readonly segments: Segment[] = [];
  readonly #depths = new Map<StreamId, number>();
  readonly #acknowledged = new Map<StreamId, number>();
  #last = 0;

  /** The highest sequence that it knows to be on disk. */
  get last(): number {
    return this.#last;
  }

  get depth(): number {
    let depth = 0;
    for (const pending of this.#depths.values()) depth += pending;
    return depth;
  }

  /** Entries of one stream that are not acknowledged. */
  depthOf(stream: StreamId): number {
    return this.#depths.get(stream) ?? 0;
  }

  /** The size of all segments. */
  get bytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  get newest(): Segment | undefined {
    return this.segments.at(-1);
  }

  acknowledged(stream: StreamId): number {
    return this.#acknowledged.get(stream) ?? 0;
  }

  streams(): StreamState[] {
    return [...this.#depths]
      .filter(([, depth]) => depth > 0)
      .map(([stream, depth]) => ({ stream, depth, acknowledged: this.acknowledged(stream) }));
  }

  /** How far every stream is, to be written where older marks are about to be unlinked. */
  marks(): Mark[] {
    return [...this.#acknowledged].map(([stream, acknowledged]) => ({ stream, acknowledged }));
  }

  /** What is known of `segment`, and how far every stream is: for its footer. */
  rows({ tallies }: Segment): FooterRow[] {
    const streams = new Set([...tallies.keys(), ...this.#acknowledged.keys()]);
    return [...streams].map((stream) => {
      const { last = 0, count = 0 } = tallies.get(stream) ?? {};
      return { stream, acknowledged: this.acknowledged(stream), last, count };
    });
  }

  /** Counts an entry that is now on disk in `segment`, one of `segments`; it may be done already. */
  add(segment: Segment, entry: LogEntry): StoredEntry {
    const { stream, sequence } = entry;
    const tally = segment.add(stream, sequence);
    this.#last = Math.max(this.#last, sequence);
    if (sequence <= this.acknowledged(stream)) tally.done++;
    else this.#depths.set(stream, (this.#depths.get(stream) ?? 0) + 1);
    return { ...entry, ordinal: tally.count };
  }

  /** Counts what `segment`, one of `segments`, holds by its footer. Before any acknowledgement. */
  addFooter(segment: Segment, rows: readonly FooterRow[]): void {
    segment.isRead = false;
    for (const { stream, last, count } of rows) {
      if (count === 0) continue;
      segment.tallies.set(stream, { last, count, done: 0 });
      this.#last = Math.max(this.#last, last);
      this.#depths.set(stream, (this.#depths.get(stream) ?? 0) + count);
    }
  }

  /** Counts `segment` anew: `entries` are what is really there. */
  recount(segment: Segment, entries: readonly LogEntry[]): void {
    this.#forget(segment);
    segment.tallies.clear();
    for (const entry of entries) this.add(segment, entry);
  }

  /** Takes `segment` out, with what is pending in it. */
  remove(segment: Segment): void {
    this.segments.splice(this.segments.indexOf(segment), 1);
    this.#forget(segment);
  }

  #forget({ tallies }: Segment): void {
    for (const [stream, { count, done }] of tallies)
      this.#depths.set(stream, (this.#depths.get(stream) ?? 0) - (count - done));
  }

  /** The oldest segment with entries of `stream` after the sequence `after`. */
  holding(stream: StreamId, after: number): Segment | undefined {
    const from = Math.max(0, this.#indexOf(after));
    for (let i = from; i < this.segments.length; i++) {
      const segment = this.segments[i];
      if ((segment?.tallies.get(stream)?.last ?? 0) > after) return segment;
    }
    return undefined;
  }

  /** Everything of the entry's stream up to it is done. */
  acknowledge({ stream, sequence, ordinal }: Omit<StoredEntry, "payload" | "kind">): void {
    const before = this.acknowledged(stream);
    if (sequence <= before) return;
    this.#acknowledged.set(stream, sequence);
    for (let i = this.#indexOf(sequence); i >= 0; i--) {
      const segment = this.segments[i];
      const tally = segment?.tallies.get(stream);
      if (tally) this.#settle(stream, tally, sequence, ordinal);
      if (segment && segment.first <= before) return;
    }
  }

  #settle(stream: StreamId, tally: Tally, sequence: number, ordinal: number): void {
    let done = tally.done;
    if (sequence >= tally.last) done = tally.count;
    // An entry of a segment that was dropped meanwhile has an ordinal beyond what was carried over.
    else if (ordinal < tally.count) done = Math.max(done, ordinal);
    this.#depths.set(stream, (this.#depths.get(stream) ?? 0) - (done - tally.done));
    tally.done = done;
  }

  /** Whether all that comes before `entry` in its stream is done, and it is not. */
  isHead({ stream, sequence, ordinal }: StoredEntry): boolean {
    if (sequence <= this.acknowledged(stream)) return false;
    const own = this.#indexOf(sequence);
    return this.segments.slice(0, own + 1).every((segment, i) => {
      const tally = segment.tallies.get(stream);
      if (!tally) return true;
      return i === own ? tally.done >= ordinal - 1 : tally.done === tally.count;
    });
  }

  /** The index of the segment that holds `sequence` if any does; -1 before the first. */
  #indexOf(sequence: number): number {
    let low = 0;
    let high = this.segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.segments[middle]?.first ?? 0) <= sequence) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

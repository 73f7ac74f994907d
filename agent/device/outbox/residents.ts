/**
 * The entries of the few segments in use: the one that is written (so what is sent live is never read
 * back from the card) and the ones that the uplink reads. Bounded: about `maxSegments` + 1 times the size
 * of a segment.
 */
import { readFile } from "node:fs/promises";
import { type LogEntry, scanSegment } from "./codec.ts";
import type { StoredEntry, StreamId } from "./entry.ts";
import type { Segment } from "./segment.ts";
import { readContent, type SegmentContent } from "./segment-file.ts";

/** The entries of one segment, by stream, in order. */
export type SegmentEntries = ReadonlyMap<StreamId, readonly StoredEntry[]>;

/** Taking entries off the front of a list costs the same for one and for many. */
const RELEASED_AT_ONCE = 64;

export interface ResidentsOptions {
  readonly maxSegments: number;
  /** Told of what is in a segment that is read for the first time, before its entries are counted. Must not throw. */
  readonly onFirstRead: (segment: Segment, content: SegmentContent) => void;
}

export class Residents {
  readonly #options: ResidentsOptions;
  /** Least recently used first. */
  readonly #kept = new Map<Segment, SegmentEntries>();
  /** The segment that is written: what is not acknowledged of it is in memory, because its file may hold more than is taken. */
  #open: { segment: Segment; entries: Map<StreamId, StoredEntry[]> } | null = null;

  constructor(options: ResidentsOptions) {
    this.#options = options;
  }

  /** The entries of `segment`, read from disk if need be. Throws what the file system does. */
  async get(segment: Segment): Promise<SegmentEntries> {
    if (this.#open?.segment === segment) return this.#open.entries;
    const kept = this.#kept.get(segment);
    const entries = kept ?? byStream(segment, await this.#read(segment));
    this.#kept.delete(segment);
    this.#keep(segment, entries);
    return entries;
  }

  async #read(segment: Segment): Promise<readonly LogEntry[]> {
    if (segment.isRead) return scanSegment(await readFile(segment.path)).entries;
    const content = await readContent(segment.path);
    // Another reading may have been quicker.
    if (!segment.isRead) this.#options.onFirstRead(segment, content);
    return content.scanned?.entries ?? [];
  }

  /** `segment` is now the one that is written; `entries` are those it has already. */
  begin(segment: Segment, entries: readonly LogEntry[]): void {
    this.end();
    this.#open = { segment, entries: byStream(segment, entries) };
  }

  /** One more entry of the segment that is written. */
  append(entry: StoredEntry): void {
    const own = this.#open?.entries.get(entry.stream);
    if (own) own.push(entry);
    else this.#open?.entries.set(entry.stream, [entry]);
  }

  /** Nobody asks again for what is acknowledged: with a bridge that keeps up, next to nothing stays. */
  release(stream: StreamId, acknowledged: number): void {
    const own = this.#open?.entries.get(stream);
    const last = own?.[RELEASED_AT_ONCE - 1];
    if (last && last.sequence <= acknowledged) own?.splice(0, RELEASED_AT_ONCE);
  }

  /** The segment that was written is an ordinary one from now on. */
  end(): void {
    if (this.#open) this.#keep(this.#open.segment, this.#open.entries);
    this.#open = null;
  }

  forget(segment: Segment): void {
    this.#kept.delete(segment);
  }

  #keep(segment: Segment, entries: SegmentEntries): void {
    this.#kept.set(segment, entries);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#options.maxSegments) return;
      this.#kept.delete(oldest);
    }
  }
}

/** By stream, with ordinals. What the tally does not know was never reported as taken: a failed write. */
function byStream(segment: Segment, entries: readonly LogEntry[]): Map<StreamId, StoredEntry[]> {
  const all = new Map<StreamId, StoredEntry[]>();
  for (const entry of entries) {
    if (entry.sequence > (segment.tallies.get(entry.stream)?.last ?? 0)) continue;
    const own = all.get(entry.stream) ?? [];
    own.push({ ...entry, ordinal: own.length + 1 });
    all.set(entry.stream, own);
  }
  return all;
}

/**
 * What is kept in memory of one segment file: per stream how many entries, the last one, and how many of
 * them are done. No entry, no offset: see the head of ledger.ts for why.
 */
import { join } from "node:path";
import type { StreamId } from "./entry.ts";

/** One stream's part of a segment. */
export interface Tally {
  /** Its highest sequence here. */
  last: number;
  count: number;
  /** How many of them, from the first, are acknowledged. */
  done: number;
}

const DIGITS = 20;
const FILE_NAME = /^(\d{20})\.seg$/;

/** The first sequence of a segment by its file name; null if the file is none of ours. */
export function segmentNumber(fileName: string): number | null {
  const number = Number(FILE_NAME.exec(fileName)?.[1] ?? Number.NaN);
  return Number.isSafeInteger(number) ? number : null;
}

export function segmentPath(folder: string, first: number): string {
  return join(folder, `${String(first).padStart(DIGITS, "0")}.seg`);
}

export class Segment {
  /** The lowest sequence it may hold, as in its file name. */
  readonly first: number;
  readonly path: string;
  /** Its size on disk. */
  bytes: number;
  /** When it was begun, by the age clock: nothing in it, or in those after it, is older. */
  bornMs: number;
  readonly tallies = new Map<StreamId, Tally>();
  /** Until it has been read, its tallies are what its footer says. */
  isRead = true;

  constructor(options: { folder: string; first: number; bytes: number; bornMs: number }) {
    this.first = options.first;
    this.path = segmentPath(options.folder, options.first);
    this.bytes = options.bytes;
    this.bornMs = options.bornMs;
  }

  /** Counts one more entry, whose ordinal is the tally's new count. */
  add(stream: StreamId, sequence: number): Tally {
    const tally = this.tallies.get(stream) ?? { last: 0, count: 0, done: 0 };
    tally.last = sequence;
    tally.count++;
    this.tallies.set(stream, tally);
    return tally;
  }

  /** Entries that are not acknowledged. */
  get pending(): number {
    let pending = 0;
    for (const { count, done } of this.tallies.values()) pending += count - done;
    return pending;
  }

  /** Entries, acknowledged or not. */
  get count(): number {
    let count = 0;
    for (const tally of this.tallies.values()) count += tally.count;
    return count;
  }
}

/**
 * The recent past of one named value, in buckets of a second: exact least, greatest and mean of any window, whatever the
 * rate, in bounded memory. History itself is in Kafka.
 */
import type { Bucket } from "./wire.ts";

export const BUCKET_MS = 1000;

interface Cell {
  readonly startMs: number;
  count: number;
  min: number;
  max: number;
  sum: number;
  last: number;
  /** When it was last changed, in the store's own count. */
  revision: number;
}

export class Series {
  /** By time; mostly appended to. */
  readonly #cells: Cell[] = [];
  readonly #maxCells: number;

  constructor(maxCells: number) {
    this.#maxCells = maxCells;
  }

  /** A value at a time; `revision` only grows. */
  add(timeMs: number, value: number, revision: number): void {
    const startMs = Math.floor(timeMs / BUCKET_MS) * BUCKET_MS;
    const at = this.#indexOf(startMs);
    const cell = this.#cells[at];
    if (cell?.startMs === startMs) {
      cell.count += 1;
      cell.min = Math.min(cell.min, value);
      cell.max = Math.max(cell.max, value);
      // The sum of the greatest numbers is none any more.
      cell.sum = Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, cell.sum + value));
      cell.last = value;
      cell.revision = revision;
      return;
    }
    const fresh = { startMs, count: 1, min: value, max: value, sum: value, last: value, revision };
    this.#cells.splice(at, 0, fresh);
    if (this.#cells.length > this.#maxCells) this.#cells.shift();
  }

  /** Those changed after `revision`, oldest first. */
  since(revision: number): Bucket[] {
    return this.#cells
      .filter((cell) => cell.revision > revision)
      .map(({ startMs, count, min, max, sum, last }) => [startMs, count, min, max, sum, last]);
  }

  /** Where a bucket with this start is, or belongs: the first place whose start is not before it. */
  #indexOf(startMs: number): number {
    let at = this.#cells.length;
    while (at > 0 && (this.#cells[at - 1]?.startMs ?? 0) >= startMs) at -= 1;
    return at;
  }
}

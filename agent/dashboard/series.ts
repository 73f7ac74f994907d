/**
 * The recent past of one named value, in buckets: exact least, greatest and mean of any window, whatever the rate, in
 * bounded memory. History itself is in Kafka.
 */
import type { Bucket } from "./wire.ts";

/** What is kept of a bucket, side by side: 56 bytes, where an object takes three times as much. */
const [START, COUNT, MIN, MAX, SUM, LAST, REVISION] = [0, 1, 2, 3, 4, 5, 6];
const FIELDS = 7;
const FIRST_CAPACITY = 16;

export class Series {
  readonly #bucketMs: number;
  /** By time; mostly appended to. Those in use are from `#first` up to `#end`. */
  #cells = new Float64Array(FIRST_CAPACITY * FIELDS);
  #first = 0;
  #end = 0;
  /** Of the last change that was not in the bucket that was the newest then. */
  #lateRevision = 0;

  constructor(bucketMs: number) {
    this.#bucketMs = bucketMs;
  }

  /** How many buckets there are. */
  get length(): number {
    return this.#end - this.#first;
  }

  /** A value at a time; `revision` only grows, from 1 on. */
  add(timeMs: number, value: number, revision: number): void {
    const startMs = Math.floor(timeMs / this.#bucketMs) * this.#bucketMs;
    const at = this.#indexOf(startMs);
    const isKnown = at < this.#end && this.#get(at, START) === startMs;
    if (at < this.#end - (isKnown ? 1 : 0)) this.#lateRevision = revision;
    if (isKnown) this.#grow(at, value, revision);
    else this.#insert(at, [startMs, 1, value, value, value, value, revision]);
  }

  /** Forgets the oldest beyond `max`. */
  trim(max: number): void {
    if (this.length <= max) return;
    this.#first = this.#end - max;
    if (this.#cells.length > 4 * max * FIELDS) this.#moveTo(2 * max);
  }

  /** Those changed after `revision`, oldest first. */
  since(revision: number): Bucket[] {
    const buckets: Bucket[] = [];
    // Without a late one, what has changed is at the end.
    const isLate = this.#lateRevision > revision;
    for (let at = this.#end - 1; at >= this.#first; at -= 1) {
      if (this.#get(at, REVISION) > revision) buckets.push(this.#bucket(at));
      else if (!isLate) break;
    }
    return buckets.reverse();
  }

  #grow(at: number, value: number, revision: number): void {
    const sum = this.#get(at, SUM) + value;
    this.#set(at, [
      this.#get(at, START),
      this.#get(at, COUNT) + 1,
      Math.min(this.#get(at, MIN), value),
      Math.max(this.#get(at, MAX), value),
      // The sum of the greatest numbers is none any more.
      Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, sum)),
      value,
      revision,
    ]);
  }

  #insert(at: number, cell: readonly number[]): void {
    const index = at - this.#first;
    if ((this.#end + 1) * FIELDS > this.#cells.length) this.#moveTo(2 * (this.length + 1));
    const place = this.#first + index;
    this.#cells.copyWithin((place + 1) * FIELDS, place * FIELDS, this.#end * FIELDS);
    this.#end += 1;
    this.#set(place, cell);
  }

  /** To the beginning of an array for `capacity` buckets. */
  #moveTo(capacity: number): void {
    const cells = new Float64Array(capacity * FIELDS);
    cells.set(this.#cells.subarray(this.#first * FIELDS, this.#end * FIELDS));
    this.#end -= this.#first;
    this.#first = 0;
    this.#cells = cells;
  }

  /** Where a bucket with this start is, or belongs: the first place whose start is not before it. */
  #indexOf(startMs: number): number {
    let [low, high] = [this.#first, this.#end];
    // Almost always the last one, or the one after it.
    if (low < high && this.#get(high - 1, START) < startMs) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#get(middle, START) < startMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #bucket(at: number): Bucket {
    const field = (name: number): number => this.#get(at, name);
    return [field(START), field(COUNT), field(MIN), field(MAX), field(SUM), field(LAST)];
  }

  #get(at: number, field: number): number {
    return this.#cells[at * FIELDS + field] ?? 0;
  }

  #set(at: number, cell: readonly number[]): void {
    this.#cells.set(cell, at * FIELDS);
  }
}

/** Times by the million in two kilobytes: buckets that grow by two per cent, so a quantile is exact to one. */

const GROWTH = Math.log(1.02);
/** The first bucket: everything up to 10 µs. */
const LEAST_MS = 0.01;
/** The last one: everything from about 100 s on. */
const BUCKETS = 815;

export class Histogram {
  readonly #counts: Float64Array;

  /** Empty, or as another process had it. */
  constructor(counts: readonly number[] = []) {
    this.#counts = new Float64Array(BUCKETS);
    this.#counts.set(counts);
  }

  add(ms: number): void {
    const at = ms <= LEAST_MS ? 0 : Math.floor(Math.log(ms / LEAST_MS) / GROWTH) + 1;
    const bucket = Math.min(at, BUCKETS - 1);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
  }

  /** Adds what another one has counted. */
  merge(other: Histogram): void {
    for (const [bucket, count] of other.#counts.entries())
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
  }

  get count(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  /** In milliseconds, the upper end of the bucket; NaN of nothing. */
  quantile(q: number): number {
    let rest = Math.max(1, Math.ceil(q * this.count));
    for (const [bucket, count] of this.#counts.entries()) {
      rest -= count;
      if (rest <= 0) return LEAST_MS * Math.exp(bucket * GROWTH);
    }
    return Number.NaN;
  }

  /** For another process. */
  toJSON(): number[] {
    return [...this.#counts];
  }
}

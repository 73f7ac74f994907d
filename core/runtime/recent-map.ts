/**
 * A map that keeps the `max` entries used last, and none longer than `ttlMs` after it was set. It takes memory as it
 * fills: lru-cache reserves all of it at once, 3 MB for 100,000 entries, and a bridge has a dozen such bounds that most of
 * them never come near.
 */

export interface RecentOptions {
  readonly max: number;
  /** For ever, unless given. */
  readonly ttlMs?: number;
  /** Monotonic. */
  readonly nowMs?: () => number;
}

interface Entry<V> {
  readonly value: V;
  readonly untilMs: number;
}

export class RecentMap<K, V> {
  readonly #max: number;
  readonly #ttlMs: number;
  readonly #nowMs: () => number;
  /** The longest unused first: a Map keeps the order of insertion. */
  readonly #entries = new Map<K, Entry<V>>();

  constructor({ max, ttlMs = Number.POSITIVE_INFINITY, nowMs }: RecentOptions) {
    this.#max = max;
    this.#ttlMs = ttlMs;
    this.#nowMs = nowMs ?? (() => performance.now());
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Counts as a use; it does not prolong its life. */
  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    if (entry.untilMs <= this.#now()) return undefined;
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, untilMs: this.#now() + this.#ttlMs });
    if (this.#entries.size <= this.#max) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  /** The longest unused first; what is too old is among them. */
  *entries(): Generator<readonly [K, V]> {
    for (const [key, { value }] of this.#entries) yield [key, value];
  }

  delete(key: K): void {
    this.#entries.delete(key);
  }

  /** The clock is asked only where something can grow old. */
  #now(): number {
    return this.#ttlMs === Number.POSITIVE_INFINITY ? 0 : this.#nowMs();
  }
}

/** Token buckets by name, and places for requests under way: what keeps one client from taking all. */
import { VeilError } from "../../core/errors.ts";
import { RecentMap } from "../../core/runtime/recent-map.ts";

const MAX_NAMES = 100_000;

/** Read at each use: a getter may give what is in force now. */
export interface RateLimitOptions {
  /** Requests at once after a rest. */
  readonly burst: number;
  readonly perSecond: number;
  readonly nowMs?: () => number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

export class RateLimit {
  readonly #options: RateLimitOptions;
  readonly #buckets = new RecentMap<string, Bucket>({ max: MAX_NAMES });

  constructor(options: RateLimitOptions) {
    this.#options = options;
  }

  /** As `tryTake`; throws LIMIT where nothing was left. */
  take(name: string): void {
    if (!this.tryTake(name))
      throw new VeilError("LIMIT", "too many requests; try again in a few seconds");
  }

  /** Takes one from the bucket of `name`; `false` where none was left. */
  tryTake(name: string): boolean {
    const { tokens, atMs } = this.#now(name);
    if (tokens < 1) return false;
    this.#buckets.set(name, { tokens: tokens - 1, atMs });
    return true;
  }

  /** What was taken from the bucket of `name` and has not come back. */
  taken(name: string): number {
    return this.#options.burst - this.#now(name).tokens;
  }

  /** What turned out to cost more than was taken: also below zero, so that the next one waits. */
  charge(name: string, cost: number): void {
    const { tokens, atMs } = this.#now(name);
    this.#buckets.set(name, { tokens: tokens - cost, atMs });
  }

  #now(name: string): Bucket {
    const { burst, perSecond, nowMs = () => performance.now() } = this.#options;
    const atMs = nowMs();
    const bucket = this.#buckets.get(name) ?? { tokens: burst, atMs };
    const refilled = bucket.tokens + ((atMs - bucket.atMs) / 1000) * perSecond;
    return { tokens: Math.min(burst, refilled), atMs };
  }
}

export class Places {
  readonly #perName: () => number;
  readonly #taken = new Map<string, number>();

  /** `perName` is asked each time: limits may change. */
  constructor(perName: () => number) {
    this.#perName = perName;
  }

  /** As `tryEnter`; throws LIMIT where all are taken. */
  enter(name: string): () => void {
    const leave = this.tryEnter(name);
    if (!leave) throw new VeilError("LIMIT", "too many requests at the same time");
    return leave;
  }

  /** Takes a place of `name`; returns how to leave it, once or oftener, and `null` where all are taken. */
  tryEnter(name: string): (() => void) | null {
    const taken = this.#taken.get(name) ?? 0;
    if (taken >= this.#perName()) return null;
    this.#taken.set(name, taken + 1);
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      const left = (this.#taken.get(name) ?? 1) - 1;
      if (left > 0) this.#taken.set(name, left);
      else this.#taken.delete(name);
    };
  }
}

/**
 * How many uncached PEnc a client may ask for (PROTOCOL.md §5): a bucket as deep as its grants, refilled at 5 a second.
 * Buckets outlive connections; a client not seen for long starts with a full one.
 */
import { RecentMap } from "../../core/runtime/recent-map.ts";

export const REFILL_PER_S = 5;
const MAX_CLIENTS = 100_000;

interface Bucket {
  tokens: number;
  atMs: number;
}

export class Allowance {
  readonly #buckets = new RecentMap<string, Bucket>({ max: MAX_CLIENTS });
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Takes one from `client`'s bucket of `depth`; `false` if it is empty. */
  take(client: string, depth: number): boolean {
    const nowMs = this.#nowMs();
    const bucket = this.#buckets.get(client) ?? { tokens: depth, atMs: nowMs };
    const refilled = bucket.tokens + ((nowMs - bucket.atMs) / 1000) * REFILL_PER_S;
    bucket.tokens = Math.min(depth, refilled);
    bucket.atMs = nowMs;
    this.#buckets.set(client, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}

/** Least, mean and greatest of a window: exact, from the buckets. */
import type { Bucket } from "../wire.ts";

export interface Summary {
  readonly min: number;
  readonly mean: number;
  readonly max: number;
}

/** `null` where there is nothing. */
export function summarize(buckets: readonly Bucket[]): Summary | null {
  if (buckets.length === 0) return null;
  let [count, sum, min, max] = [0, 0, Infinity, -Infinity];
  for (const [, bucketCount, bucketMin, bucketMax, bucketSum] of buckets) {
    count += bucketCount;
    sum += bucketSum;
    min = Math.min(min, bucketMin);
    max = Math.max(max, bucketMax);
  }
  return { min, mean: sum / count, max };
}

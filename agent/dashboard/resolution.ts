/** How fine the past is kept: as fine as memory allows, and not finer than a second. */

/** Buckets of one value: an hour of seconds. */
const MAX_BUCKETS = 3600;
/** Buckets of all values together: some 110 MB. */
export const MAX_BUCKETS_OF_ALL = 2_000_000;
/** Values in a topic, as long as nobody knows how many there are. */
const USUAL_VALUES = 3;
const FINEST_MS = 1000;
const STEPS = [1, 2, 5, 10];

/** The width of a bucket: 1, 2, 5, 10, 20 … seconds. */
export function bucketMsOf(historyMs: number, topics: number): number {
  const share = MAX_BUCKETS_OF_ALL / (USUAL_VALUES * Math.max(1, topics));
  const leastMs = Math.max(FINEST_MS, historyMs / Math.min(MAX_BUCKETS, share));
  const power = 10 ** Math.floor(Math.log10(leastMs));
  return (STEPS.find((step) => step * power >= leastMs) ?? 10) * power;
}

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bucketMsOf } from "../../agent/dashboard/resolution.ts";
import { Series } from "../../agent/dashboard/series.ts";
import type { Bucket } from "../../agent/dashboard/wire.ts";

const BUCKET_MS = 1000;
const KEPT = 20;

/** The same, the slow way: every value is kept. */
function bucketsOf(values: readonly { timeMs: number; value: number; revision: number }[]) {
  const starts = new Map<number, { bucket: Bucket; revision: number }>();
  for (const { timeMs, value, revision } of values) {
    const startMs = Math.floor(timeMs / BUCKET_MS) * BUCKET_MS;
    const [, count, min, max, sum] = starts.get(startMs)?.bucket ?? [0, 0, value, value, 0, 0];
    const [least, greatest] = [Math.min(min, value), Math.max(max, value)];
    const bucket: Bucket = [startMs, count + 1, least, greatest, sum + value, value];
    starts.set(startMs, { bucket, revision });
  }
  return [...starts.values()].sort((a, b) => a.bucket[0] - b.bucket[0]);
}

describe("a series", () => {
  test("has the same buckets as if it kept every value, and tells exactly what has changed since", () => {
    const times = fc.array(fc.integer({ min: 0, max: (KEPT - 1) * BUCKET_MS }), { maxLength: 80 });
    fc.assert(
      fc.property(times, fc.boolean(), fc.nat(80), (given, isSorted, since) => {
        const series = new Series(BUCKET_MS);
        const ordered = isSorted ? [...given].sort((a, b) => a - b) : given;
        const values = ordered.map((timeMs, n) => ({ timeMs, value: n % 7, revision: n + 1 }));
        for (const { timeMs, value, revision } of values) {
          series.add(timeMs, value, revision);
          series.trim(KEPT);
        }
        const expected = bucketsOf(values).filter(({ revision }) => revision > since);
        expect(series.since(since)).toEqual(expected.map(({ bucket }) => bucket));
      }),
    );
  });

  test("keeps the newest, however long it goes on", () => {
    const series = new Series(BUCKET_MS);
    for (let n = 0; n < 10_000; n += 1) {
      series.add(n * BUCKET_MS, n, n + 1);
      series.trim(KEPT);
    }
    expect(series.length).toBe(KEPT);
    expect(series.since(0).map(([startMs]) => startMs / BUCKET_MS)).toEqual(
      Array.from({ length: KEPT }, (_, n) => 10_000 - KEPT + n),
    );
    series.trim(2);
    expect(series.since(9999)).toEqual([[9_999_000, 1, 9999, 9999, 9999, 9999]]);
  });
});

test.each([
  ["1 h of a few topics", 3_600_000, 5, 1000],
  ["1 h of 200 topics", 3_600_000, 200, 2000],
  ["24 h", 86_400_000, 5, 50_000],
  ["5 min of a thousand topics", 300_000, 1000, 1000],
])("a bucket of %s", (_, historyMs, topics, bucketMs) => {
  expect(bucketMsOf(historyMs, topics)).toBe(bucketMs);
});

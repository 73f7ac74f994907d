import { expect, test } from "vitest";
import { checkRoom, nextDue, nextEpoch, retired, withNewEpoch } from "../../kms/epochs.ts";
import type { MasterEpoch } from "../../kms/master-file.ts";

const KEY = Buffer.alloc(32, 1);
const master = { suite: "hmac", sharedKey: KEY, proxyKey: KEY } as const;
const FIRST: MasterEpoch[] = [{ epoch: 1, master }];
const added = { master, graceMs: 100, retentionMs: 1_000, compromised: false };

/** Rotations at these times. */
function rotatedAt(...timesMs: number[]): MasterEpoch[] {
  return timesMs.reduce(
    (epochs, nowMs) => withNewEpoch(epochs, { ...added, epoch: nextEpoch(epochs, 20_000), nowMs }),
    FIRST,
  );
}

test("an epoch's ends are set by the rotation that follows it, and stay", () => {
  expect(rotatedAt(0, 50)).toEqual([
    { epoch: 1, master, tagsUntilMs: 100, recordsUntilMs: 1_100 },
    { epoch: 2, master, tagsUntilMs: 150, recordsUntilMs: 1_150 },
    { epoch: 3, master },
  ]);
});

test("what is due is retired once, by time", () => {
  const epochs = rotatedAt(0, 50);
  expect(retired(epochs, 99)).toEqual(epochs);
  const without = retired(epochs, 100);
  expect(without.map(({ tagsRetired }) => tagsRetired)).toEqual([true, undefined, undefined]);
  expect(retired(without, 149)).toEqual(without);
  expect(retired(epochs, 1_100).map(({ epoch }) => epoch)).toEqual([2, 3]);
  expect(retired(epochs, 9_999).map(({ epoch }) => epoch)).toEqual([3]);
});

test("the next that is due is the earliest that has not been done", () => {
  const epochs = rotatedAt(0, 50);
  expect(nextDue(FIRST)).toBeNull();
  expect(nextDue(epochs)).toEqual({ epoch: 1, what: "tags", atMs: 100 });
  expect(nextDue(retired(epochs, 100))).toEqual({ epoch: 2, what: "tags", atMs: 150 });
  expect(nextDue(retired(epochs, 150))).toEqual({ epoch: 1, what: "records", atMs: 1_100 });
});

test("sixteen may count at a time; the seventeenth waits, or takes their place", () => {
  const epochs = rotatedAt(...Array.from({ length: 15 }, (_, at) => at));
  expect(epochs).toHaveLength(16);
  expect(() => checkRoom(epochs, 15)).toThrow(expect.objectContaining({ code: "LIMIT" }));
  expect(() => checkRoom(epochs, 1_100)).not.toThrow();
  const compromised = { ...added, epoch: nextEpoch(epochs, 0), nowMs: 15, compromised: true };
  expect(withNewEpoch(epochs, compromised)).toEqual([{ epoch: 17, master }]);
});

test("a tenant restored from before a rotation gives its epoch another number", () => {
  const restoredAtMs = 28_000_000_000;
  const lost = nextEpoch(FIRST, 20_000);
  expect(lost).toBe(2);
  const again = nextEpoch(FIRST, restoredAtMs);
  expect(again).toBe(28_000_000);
  expect(nextEpoch([{ epoch: again, master }], restoredAtMs + 5)).toBe(again + 1);
  expect(nextEpoch(FIRST, restoredAtMs + 60_000)).toBeGreaterThan(again + 1);
});

import { afterEach, describe, expect, test, vi } from "vitest";
import { WatchGroup } from "../../../../core/ports/zookeeper/watch-group.ts";

const A = { name: "a" };
const B = { name: "b" };

afterEach(() => {
  vi.useRealTimers();
});

/** A group, and the clock and the last contact that it sees. */
function setUp() {
  vi.useFakeTimers({ toFake: ["performance"] });
  const contact = { lastContactAtMs: performance.now() };
  const tick = (ms: number): void => void vi.advanceTimersByTime(ms);
  return { group: new WatchGroup(contact), contact, tick };
}

describe("the age of a group of watches", () => {
  test("is infinite until all have been read once", () => {
    const { group } = setUp();
    expect(group.ageMs()).toBe(Number.POSITIVE_INFINITY);
    group.markStale(A);
    group.markStale(B);
    group.settle(A);
    expect(group.synced).toBe(false);
    expect(group.ageMs()).toBe(Number.POSITIVE_INFINITY);
    group.settle(B);
    expect(group.synced).toBe(true);
    expect(group.ageMs()).toBe(0);
  });

  test("is that of the last answer while all are fresh", () => {
    const { group, contact, tick } = setUp();
    group.markStale(A);
    group.settle(A);
    tick(500);
    expect(group.ageMs()).toBe(500);
    contact.lastContactAtMs = performance.now();
    expect(group.ageMs()).toBe(0);
  });

  test("grows from the oldest change that has not been read, whatever else is answered", () => {
    const { group, contact, tick } = setUp();
    group.markStale(A);
    group.settle(A);
    group.markStale(A);
    tick(100);
    contact.lastContactAtMs = performance.now();
    group.markStale(B);
    tick(100);
    contact.lastContactAtMs = performance.now();
    group.markStale(A);
    expect(group.ageMs()).toBe(200);
    group.settle(A);
    expect(group.ageMs()).toBe(100);
    group.settle(B);
    expect(group.ageMs()).toBe(0);
    expect(group.synced).toBe(true);
  });

  test("does not add up over changes that follow each other without a pause", () => {
    const { group, contact, tick } = setUp();
    group.markStale(A);
    group.settle(A);
    group.markStale(A);
    for (let i = 0; i < 50; i++) {
      tick(100);
      contact.lastContactAtMs = performance.now();
      group.markStaleAgain(A);
      expect(group.ageMs()).toBe(0);
    }
  });

  test("a closed group is never taken for a loaded one", async () => {
    const { group } = setUp();
    group.markStale(A);
    group.close();
    group.settle(A);
    expect(group.synced).toBe(false);
    await expect(group.whenSynced(1)).rejects.toThrow(expect.objectContaining({ code: "STOPPED" }));
  });
});

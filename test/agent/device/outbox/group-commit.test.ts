import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { GroupCommit } from "../../../../agent/device/outbox/group-commit.ts";
import { VeilError } from "../../../../core/errors.ts";

interface Commit {
  readonly atMs: number;
  readonly items: string[];
}

function recorder(options: { intervalMs: number; commitMs?: number }): {
  commits: Commit[];
  group: GroupCommit<string>;
} {
  const commits: Commit[] = [];
  const group = new GroupCommit<string>({
    intervalMs: options.intervalMs,
    maxBytes: 100,
    maxPendingBytes: 1000,
    commit: async (items) => {
      commits.push({ atMs: performance.now(), items: items.map(({ item }) => item) });
      await sleep(options.commitMs ?? 0);
      for (const { resolve } of items) resolve();
    },
  });
  return { commits, group };
}

describe("GroupCommit", () => {
  test("the first goes at once, what follows shares one commit per interval", async () => {
    const { commits, group } = recorder({ intervalMs: 100 });
    await group.add("first", 1);
    await Promise.all(["a", "b", "c"].map((item) => group.add(item, 1)));
    expect(commits.map(({ items }) => items)).toEqual([["first"], ["a", "b", "c"]]);
    const [first, second] = commits;
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThan(95);
  });

  test("a second of traffic has no more commits than intervals", async () => {
    const { commits, group } = recorder({ intervalMs: 200 });
    const added: Promise<void>[] = [];
    for (let i = 0; i < 100; i++) {
      added.push(group.add(`${i}`, 1));
      await sleep(10);
    }
    await Promise.all(added);
    const spanMs = (commits.at(-1)?.atMs ?? 0) - (commits[0]?.atMs ?? 0);
    expect(commits.length).toBeLessThanOrEqual(spanMs / 199 + 1);
    expect(commits.flatMap(({ items }) => items)).toEqual(added.map((_, i) => `${i}`));
  });

  test("enough bytes do not wait for the interval", async () => {
    const { commits, group } = recorder({ intervalMs: 10_000 });
    await group.add("first", 1);
    await Promise.all([group.add("a", 60), group.add("b", 60)]);
    expect(commits.map(({ items }) => items)).toEqual([["first"], ["a", "b"]]);
  });

  test("what comes while one is running goes with the next, a bare nudge too", async () => {
    const { commits, group } = recorder({ intervalMs: 1, commitMs: 30 });
    const first = group.add("first", 1);
    await sleep(10);
    group.nudge();
    await first;
    await expect.poll(() => commits.map(({ items }) => items)).toEqual([["first"], []]);
  });

  test("flush commits at once and waits", async () => {
    const { commits, group } = recorder({ intervalMs: 10_000, commitMs: 10 });
    await group.add("first", 1);
    const second = group.add("second", 1);
    await group.flush();
    await second;
    expect(commits).toHaveLength(2);
  });

  test("memory is bounded: what the disk cannot keep up with is refused", async () => {
    const { group } = recorder({ intervalMs: 10_000, commitMs: 10 });
    const first = group.add("first", 1);
    await sleep(5);
    const waiting = group.add("waiting", 1000);
    await expect(group.add("too much", 1)).rejects.toMatchObject({ code: "LIMIT" });
    await Promise.all([first, waiting]);
  });

  test("after a failure what waits behind it fails too", async () => {
    const { group } = recorder({ intervalMs: 10_000 });
    await group.add("first", 1);
    const waiting = Promise.allSettled([group.add("a", 1), group.add("b", 1)]);
    group.rejectPending(new VeilError("DISK", "full"));
    expect((await waiting).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(group.pendingBytes).toBe(0);
    await group.flush();
  });
});

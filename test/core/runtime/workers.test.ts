import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { WorkerPool, type WorkerPoolOptions } from "../../../core/runtime/workers.ts";
import type { PoolTask } from "./pool-worker.ts";

const IDLE_MS = 30_000;

const pools: WorkerPool<PoolTask, string>[] = [];

function newPool(options: Partial<WorkerPoolOptions> = {}): WorkerPool<PoolTask, string> {
  const pool = new WorkerPool<PoolTask, string>({
    entry: "test/core/runtime/pool-worker",
    ...{ maxWorkers: 1, maxQueued: 100, idleMs: IDLE_MS },
    ...options,
  });
  pools.push(pool);
  return pool;
}

function dying(deaths: number): NonNullable<PoolTask["die"]> {
  return { counter: new Int32Array(new SharedArrayBuffer(4)), deaths };
}

describe("a pool of worker threads", () => {
  afterEach(async () => {
    vi.useRealTimers();
    for (const pool of pools.splice(0)) await pool.stop();
  });

  it("answers with what a worker returns, and throws what it throws", async () => {
    const pool = newPool();
    expect(await pool.run({ say: "yes" })).toBe("yes");
    await expect(pool.run({ say: "no", refuse: true })).rejects.toMatchObject({
      code: "BAD_TOKEN",
      message: "refused",
    });
  });

  it("answers every task, also with several workers", async () => {
    const pool = newPool({ maxWorkers: 2 });
    const answered: string[] = [];
    const tasks = ["a", "b", "c", "d"].map(async (say) => answered.push(await pool.run({ say })));
    await Promise.all(tasks);
    expect(answered.toSorted()).toEqual(["a", "b", "c", "d"]);
  });

  it("starts one worker after the other", async () => {
    const started: unknown[] = [];
    const note = (worker: unknown): void => void started.push(worker);
    process.on("worker", note);
    onTestFinished(() => void process.off("worker", note));
    const pool = newPool({ maxWorkers: 2 });
    const tasks = ["a", "b"].map((say) => pool.run({ say, waitMs: 300 }));
    await turnOfTheLoop();
    expect(started).toHaveLength(1);
    expect(await Promise.all(tasks)).toEqual(["a", "b"]);
    expect(started).toHaveLength(2);
  });

  it("keeps a worker small, whatever V8 was told of the program", async () => {
    expect(await newPool().run({ say: "", room: true })).toBe("6");
  });

  it("refuses what would wait beyond its bound", async () => {
    const pool = newPool({ maxQueued: 1 });
    const first = pool.run({ say: "first", waitMs: 50 });
    const second = pool.run({ say: "second" });
    await expect(pool.run({ say: "third" })).rejects.toMatchObject({ code: "LIMIT" });
    expect(await Promise.all([first, second])).toEqual(["first", "second"]);
  });

  it("gives a task that comes while an idle worker ends to another worker", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const pool = newPool();
    for (const say of ["one", "two", "three"]) {
      expect(await pool.run({ say })).toBe(say);
      vi.advanceTimersByTime(IDLE_MS);
    }
  });

  it("keeps a worker that was given a task before its time was up", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const pool = newPool();
    await pool.run({ say: "first" });
    vi.advanceTimersByTime(IDLE_MS - 1);
    const second = pool.run({ say: "second" });
    vi.advanceTimersByTime(IDLE_MS);
    expect(await second).toBe("second");
  });

  it("gives a task whose worker ended to another one", async () => {
    const die = dying(1);
    expect(await newPool().run({ say: "still", die })).toBe("still");
    expect(die.counter[0]).toBe(2);
  });

  it("says of a task that ended two workers that it may be asked again, and goes on", async () => {
    const pool = newPool();
    const die = dying(2);
    const lost = pool.run({ say: "never", die });
    const next = pool.run({ say: "next" });
    await expect(lost).rejects.toMatchObject({ code: "UNAVAILABLE", retryable: true });
    expect(await next).toBe("next");
    expect(die.counter[0]).toBe(2);
  });

  it("ends what is under way and what waits when it is stopped", async () => {
    const pool = newPool();
    const tasks = ["a", "b"].map((say) => pool.run({ say, waitMs: 60_000 }));
    const ends = Promise.all(
      tasks.map((task) => expect(task).rejects.toMatchObject({ code: "STOPPED" })),
    );
    await pool.stop();
    await ends;
    await expect(pool.run({ say: "late" })).rejects.toMatchObject({ code: "STOPPED" });
  });
});

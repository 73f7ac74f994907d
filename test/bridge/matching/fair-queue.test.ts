import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FairQueue, type FairQueueLimits } from "../../../bridge/matching/fair-queue.ts";
import { VeilError } from "../../../core/errors.ts";
import type { Login } from "../../../core/wire/login.ts";

const WIDE: FairQueueLimits = {
  maxRunning: 1,
  maxQueued: 1000,
  maxQueuedPerTenant: 1000,
  maxQueuedPerClient: 1000,
};

/** Jobs that end when the test lets them. */
class Bench {
  readonly queue: FairQueue;
  readonly started: string[] = [];
  readonly running = new Map<string, () => void>();

  constructor(limits: Partial<FairQueueLimits> = {}) {
    this.queue = new FairQueue({ ...WIDE, ...limits });
  }

  add(login: Login, name: string): Promise<string> {
    return this.queue.run(login, () => {
      this.started.push(name);
      return new Promise((resolve) => this.running.set(name, () => resolve(name)));
    });
  }

  async finish(name: string): Promise<void> {
    this.running.get(name)?.();
    this.running.delete(name);
    await new Promise((resolve) => setImmediate(resolve));
  }

  async finishAll(): Promise<void> {
    for (let next = [...this.running.keys()][0]; next; next = [...this.running.keys()][0])
      await this.finish(next);
  }
}

const login = (tenant: string, client: string): Login => ({ tenant, client });

describe("FairQueue", () => {
  it("takes tenants in turn, and clients within a tenant", async () => {
    const bench = new Bench();
    for (let i = 0; i < 4; i++) void bench.add(login("loud", "a"), `a${i}`);
    void bench.add(login("loud", "b"), "b0");
    void bench.add(login("quiet", "c"), "c0");
    void bench.add(login("quiet", "c"), "c1");
    await bench.finishAll();
    expect(bench.started).toEqual(["a0", "a1", "c0", "b0", "c1", "a2", "a3"]);
  });

  it("runs one job of a client at a time, and others beside it", async () => {
    const bench = new Bench({ maxRunning: 3 });
    for (const name of ["a0", "a1"]) void bench.add(login("t", "a"), name);
    void bench.add(login("t", "b"), "b0");
    expect(bench.started).toEqual(["a0", "b0"]);
    await bench.finish("a0");
    expect(bench.started).toEqual(["a0", "b0", "a1"]);
  });

  it.each([
    ["in all", { maxQueued: 2 }],
    ["for one tenant", { maxQueuedPerTenant: 2 }],
    ["for one client", { maxQueuedPerClient: 2 }],
  ])("refuses with LIMIT what has no room %s", async (_, limits) => {
    const bench = new Bench(limits);
    for (const name of ["run", "wait", "wait"]) void bench.add(login("t", "a"), name);
    await expect(bench.add(login("t", "a"), "much")).rejects.toThrow("too many");
    expect(bench.queue.queued).toBe(2);
    await bench.finishAll();
    expect(bench.queue.queued).toBe(0);
  });

  it("goes on after a job that fails, and hands its error over", async () => {
    const bench = new Bench();
    const failing = bench.queue.run(login("t", "a"), () => Promise.reject(new Error("no")));
    const next = bench.add(login("t", "a"), "next");
    await expect(failing).rejects.toThrow("no");
    await bench.finishAll();
    expect(await next).toBe("next");
  });

  it("refuses what waits when it is cleared", async () => {
    const bench = new Bench();
    const running = bench.add(login("t", "a"), "running");
    const waiting = bench.add(login("t", "a"), "waiting");
    bench.queue.clear(new VeilError("STOPPED", "the end"));
    await expect(waiting).rejects.toThrow("the end");
    await bench.finishAll();
    expect(await running).toBe("running");
  });

  it("serves everyone who has work within one round, whatever was asked for", async () => {
    const asks = fc.array(fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 })), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(asks, async (pairs) => {
        const bench = new Bench();
        void bench.add(login("first", "x"), "first");
        pairs.forEach(([t, c], i) => void bench.add(login(`t${t}`, `c${c}`), `${t}/${c}/${i}`));
        await bench.finishAll();
        const served = bench.started.slice(1).map((name) => Number(name.split("/")[0]));
        const left = [0, 1, 2, 3].map((t) => pairs.filter(([tenant]) => tenant === t).length);
        const waited = [0, 0, 0, 0];
        for (const tenant of served) {
          left.forEach((count, t) => {
            if (count > 0 && t !== tenant) waited[t] = (waited[t] ?? 0) + 1;
          });
          waited[tenant] = 0;
          left[tenant] = (left[tenant] ?? 0) - 1;
          expect(Math.max(...waited)).toBeLessThanOrEqual(3);
        }
        expect(served.length).toBe(pairs.length);
      }),
      { numRuns: 50 },
    );
  });
});

import { describe, expect, test } from "vitest";
import { firstOffset, Until } from "../../../agent/consumer/range.ts";
import { VeilError } from "../../../core/errors.ts";
import { NEVER } from "../../../core/runtime/backoff.ts";

/** Kafka took offset n at n seconds. */
const partition = {
  low: 10n,
  high: 100n,
  offsetAt: async (timeMs: number) => BigInt(Math.min(100, Math.max(10, Math.ceil(timeMs / 1000)))),
};

describe("reading begins", () => {
  test.each([
    ["beginning", false, 10n],
    ["latest", false, 100n],
    ["latest", true, 10n],
    [{ sinceMs: 50_000 }, false, 50n],
    [{ sinceMs: 0 }, false, 10n],
    [{ sinceMs: 1e9 }, false, 100n],
    [{ sinceMs: 0, maxRecords: 30 }, false, 70n],
    [{ sinceMs: 80_000, maxRecords: 30 }, false, 80n],
    [{ sinceMs: 0, maxRecords: 1000 }, false, 10n],
  ] as const)("from %j, new: %j, at offset %s", async (from, isNew, offset) => {
    expect(await firstOffset(from, partition, isNew)).toBe(offset);
  });
});

describe("reading until a time", () => {
  test("ends when every partition has reached it, and takes nothing from later", async () => {
    const until = new Until(50_000);
    until.begin("a/0", 40n, partition.offsetAt);
    until.begin("b/0", 50n, partition.offsetAt);
    let done = false;
    const waiting = until
      .wait(() => true, NEVER)
      .then((reached) => {
        done = reached;
      });
    until.moved("a/0", 49n);
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(done).toBe(false);
    until.moved("a/0", 50n);
    await waiting;
    expect(done).toBe(true);
    const messages = [49_999, 50_000].map((timestampMs, n) => ({
      ...{ offset: BigInt(n), timestampMs, key: null, value: null },
    }));
    expect(until.cut(messages)).toEqual(messages.slice(0, 1));
  });

  test("does not wait for a partition that is not read any more", async () => {
    const until = new Until(50_000);
    until.begin("a/0", 40n, partition.offsetAt);
    until.begin("b/0", 50n, partition.offsetAt);
    expect(await until.wait(() => true, AbortSignal.timeout(150))).toBe(false);
    until.drop("a/0");
    expect(await until.wait(() => true, NEVER)).toBe(true);
  });

  test("asks again while Kafka cannot say, and waits for topics that are still being looked for", async () => {
    const until = new Until(0);
    let failures = 2;
    until.begin("a/0", 10n, async () => {
      if (failures-- > 0) throw new VeilError("UNAVAILABLE", "away");
      return 10n;
    });
    let asked = 0;
    expect(await until.wait(() => ++asked > 2, NEVER)).toBe(true);
    expect(failures).toBe(-1);
    expect(await until.wait(() => false, AbortSignal.timeout(50))).toBe(false);
  });
});

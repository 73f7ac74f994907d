import { describe, expect, test } from "vitest";
import { Board, type Sample } from "../../agent/dashboard/board.ts";
import { Limits } from "../../agent/dashboard/limits.ts";
import { Model } from "../../agent/dashboard/page/model.ts";
import { summarize } from "../../agent/dashboard/page/summary.ts";
import type { Update } from "../../agent/dashboard/wire.ts";

const NOW_MS = 1_700_000_000_000;
const HISTORY_MS = 60_000;

function boardWith(rules: ConstructorParameters<typeof Limits>[0]["rules"] = []): Board {
  const limits = new Limits({ rules, staleMs: 1000 });
  return new Board({ topics: ["a/b", "a/c"], limits, historyMs: HISTORY_MS });
}

function sample(change: Partial<Sample>): Sample {
  const base = { topic: 0, producer: "pi", name: "t", unit: "Cel", value: 1 };
  return { ...base, timeMs: NOW_MS, arrivedMs: NOW_MS, isSynced: true, ...change };
}

function update(change: Partial<Update>): Update {
  return { boot: "one", nowMs: Date.now(), series: [], status: null, ended: null, ...change };
}

describe("the board", () => {
  test("keeps least, greatest, sum and count of each second, whatever the order", () => {
    const board = boardWith();
    for (const [atMs, value] of [
      [200, 5],
      [900, 1],
      [3000, 7],
      [100, 3],
      [1500, -2],
    ] as const)
      board.add(sample({ timeMs: NOW_MS - 10_000 + atMs, value }));
    const [series] = board.history(0);
    expect(series?.buckets.map(([start, ...rest]) => [start - NOW_MS, ...rest])).toEqual([
      [-10_000, 3, 1, 5, 9, 3],
      [-9000, 1, -2, -2, -2, -2],
      [-7000, 1, 7, 7, 7, 7],
    ]);
    expect(summarize(series?.buckets ?? [])).toEqual({ min: -2, mean: 14 / 5, max: 7 });
  });

  test("says what has changed since, and nothing twice", () => {
    const board = boardWith();
    board.add(sample({ value: 1 }));
    board.add(sample({ topic: 1, value: 2 }));
    const seen = board.revision;
    expect(board.since(seen, true)).toEqual([]);
    board.add(sample({ topic: 1, value: 4 }));
    const [changed, ...others] = board.since(seen, true);
    expect(others).toEqual([]);
    expect(changed).toMatchObject({ topic: 1, value: 4, buckets: [[NOW_MS, 2, 2, 4, 6, 4]] });
  });

  test("is bounded: in time, in values of a device, in the length of a text; says what is hidden", () => {
    const board = boardWith();
    for (let s = 0; s < 200; s += 1) board.add(sample({ timeMs: NOW_MS - 200_000 + s * 1000 }));
    expect(board.history(0)[0]?.buckets).toHaveLength(HISTORY_MS / 1000);
    for (const producer of ["pi", "other"])
      for (let n = 0; n < 100; n += 1)
        board.add(sample({ producer, name: `n${n}`, value: "x".repeat(9999) }));
    const all = board.since(0, true);
    // Each device has its own 64.
    expect(all).toHaveLength(128);
    expect([0, 1].map((topic) => board.hidden(topic))).toEqual([37 + 36, 0]);
    expect(String(all[1]?.value)).toHaveLength("… (9999 characters)".length + 200);
    for (let n = 0; n < 2000; n += 1) board.add(sample({ name: `more ${n}` }));
    expect(board.hidden(0)).toBe(1000);
  });

  test("is bounded as a whole: the values there are share the room, each with its newest", () => {
    const limits = new Limits({ rules: [], staleMs: 1000 });
    const topics = ["a", "b", "c", "d"];
    const board = new Board({ topics, limits, historyMs: HISTORY_MS, maxBucketsOfAll: 100 });
    const fill = (topic: number): void => {
      for (let s = 60; s > 0; s -= 1) board.add(sample({ topic, timeMs: NOW_MS - s * 1000 }));
    };
    fill(0);
    expect(board.history(0)[0]?.buckets).toHaveLength(60);
    for (const topic of [1, 2, 3]) fill(topic);
    for (const topic of topics.keys()) {
      const buckets = board.history(topic)[0]?.buckets ?? [];
      expect([buckets.length, buckets.at(-1)?.[0]]).toEqual([25, NOW_MS - 1000]);
    }
  });

  test("does not believe a clock that was never set, or is ahead", () => {
    const board = boardWith();
    board.add(sample({ name: "unset", timeMs: 5000 }));
    board.add(sample({ name: "ahead", timeMs: NOW_MS + 3_600_000 }));
    board.add(sample({ name: "offline", timeMs: NOW_MS - 7 * 86_400_000 }));
    board.add(sample({ name: "says so", timeMs: NOW_MS - 7 * 86_400_000, isSynced: false }));
    const times = board.since(0, false).map(({ timeMs }) => timeMs - NOW_MS);
    expect(times).toEqual([0, 0, -7 * 86_400_000, 0]);
  });

  test("knows limits by the first rule that fits, else by the unit", () => {
    const rules = [
      { topic: "a/*", name: "t", low: 5, high: 30, staleSeconds: 9 },
      { topic: "*", name: "t", low: 0 },
      { topic: "a.b", name: "*", high: 1 },
    ];
    const limits = new Limits({ rules, staleMs: 1000 });
    expect(limits.of("a/b", "t", "Cel")).toEqual({ low: 5, high: 30, staleMs: 9000 });
    expect(limits.of("x", "t", "%RH")).toEqual({ low: 0, high: 100, staleMs: 1000 });
    expect(limits.of("a/b", "rh", "%RH")).toEqual({ low: 0, high: 100, staleMs: 1000 });
    expect(limits.of("a/b", "x", null)).toEqual({ low: null, high: null, staleMs: 1000 });
  });
});

describe("the page's model", () => {
  const view = {
    ...{ id: 7, topic: 0, producer: "pi", name: "t", unit: null, low: null, high: null },
    ...{ staleMs: 1000, value: 1, timeMs: NOW_MS, arrivedMs: NOW_MS, isSynced: true },
  };

  test("merges a history that is late with what has come meanwhile", () => {
    const model = new Model(Number.MAX_SAFE_INTEGER);
    model.apply(update({}));
    expect(model.want(0)).toBe(true);
    expect(model.want(0)).toBe(false);
    model.apply(update({ series: [{ ...view, buckets: [[3000, 5, 1, 9, 20, 9]] }] }));
    const buckets = [
      [1000, 1, 1, 1, 1, 1],
      [3000, 2, 1, 2, 3, 2],
    ] as const;
    model.addHistory({ boot: "one", series: [{ id: 7, buckets }] });
    model.addHistory({ boot: "another", series: [{ id: 7, buckets: [[9000, 1, 1, 1, 1, 1]] }] });
    const [first, second] = [
      [1000, 1, 1, 1, 1, 1],
      [3000, 5, 1, 9, 20, 9],
    ];
    expect(model.stretch(7, 0)).toEqual({ buckets: [first, second], isWhole: false });
    expect(model.stretch(7, 2000)).toEqual({ buckets: [second], isWhole: true });
  });

  test("keeps the buckets of the topics that were looked at last", () => {
    const model = new Model(Number.MAX_SAFE_INTEGER);
    model.apply(update({ series: [{ ...view, buckets: [] }] }));
    model.want(0);
    model.addHistory({ boot: "one", series: [{ id: 7, buckets: [[1000, 1, 1, 1, 1, 1]] }] });
    for (let topic = 1; topic < 60; topic += 1) model.want(topic);
    expect(model.want(0)).toBe(false);
    expect(model.stretch(7, 0).buckets).toHaveLength(1);
    for (let topic = 1; topic <= 60; topic += 1) model.want(topic);
    expect(model.stretch(7, 0).buckets).toHaveLength(0);
    expect(model.want(0)).toBe(true);
  });

  test("forgets all when another server answers, whose ids mean something else", () => {
    const model = new Model(Number.MAX_SAFE_INTEGER);
    model.apply(update({ series: [{ ...view, buckets: [] }] }));
    model.want(0);
    expect(model.apply(update({ boot: "two" }))).toBe(true);
    expect(model.series.size).toBe(0);
    expect(model.want(0)).toBe(true);
  });
});

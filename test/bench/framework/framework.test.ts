/** The framework of the benchmarks. Nothing here asks how long something took. */

import { expect, test } from "vitest";
import { NEVER } from "../../../core/runtime/backoff.ts";
import { axisOf } from "./axis.ts";
import { interleave } from "./interleave.ts";
import { linePlot } from "./line-plot.ts";
import { renderMarkdown } from "./markdown.ts";
import { measure } from "./measure.ts";
import { median, medianRatio, quantile, spread } from "./statistics.ts";
import { leastDisturbed, turnOf } from "./undisturbed.ts";

test("quantiles are values that were seen; a ratio is of one round, and its median", () => {
  expect(quantile([5, 1, 4, 2, 3], 0.5)).toBe(3);
  expect(quantile([5, 1, 4, 2, 3], 0.99)).toBe(5);
  expect(quantile([5, 1, 4, 2, 3], 0)).toBe(1);
  expect(median([2, 1])).toBe(1);
  expect(median([])).toBeNaN();
  expect(spread([90, 100, 110, 100])).toBeCloseTo(0.05);
  // The machine was three times slower in the second round, for both.
  expect(medianRatio([2, 6, 2], [1, 3, 1])).toBe(2);
  expect(() => medianRatio([1], [1, 2])).toThrow(RangeError);
});

test("turns are taken until enough were undisturbed, and the least disturbed count", async () => {
  const stolenOf = async (...parts: number[]): Promise<{ kept: number[]; untaken: number }> => {
    const rest = [...parts];
    const take = () => Promise.resolve({ result: rest.length, stolen: rest.shift() ?? Number.NaN });
    const turns = await leastDisturbed(take, { wanted: 2, most: 4 });
    return { kept: turns.map(({ stolen }) => stolen), untaken: rest.length };
  };
  expect(await stolenOf(0.01, 0, 0)).toEqual({ kept: [0, 0.01], untaken: 1 });
  expect(await stolenOf(0.5, 0, 0.2, 0.01, 0)).toEqual({ kept: [0, 0.01], untaken: 1 });
  expect(await stolenOf(0.5, 0.3, 0.4, 0, 0)).toEqual({ kept: [0, 0.3], untaken: 1 });
  const { result, stolen } = await turnOf(() => Promise.resolve("done"));
  expect(result).toBe("done");
  expect(stolen).toBeGreaterThanOrEqual(0);
});

test("contestants run in turn, each round beginning with another, and are told apart by cost", async () => {
  let clockMs = 0;
  const ran: string[] = [];
  const contestant = (name: string, costMs: number) => ({
    name,
    run: () => {
      ran.push(name);
      clockMs += costMs;
    },
  });
  const rounds = await interleave([contestant("a", 1), contestant("b", 4), contestant("c", 10)], {
    rounds: 3,
    batchMs: 8,
    signal: NEVER,
    nowMs: () => clockMs,
  });
  expect(rounds).toEqual([
    [1, 1, 1],
    [4, 4, 4],
    [10, 10, 10],
  ]);
  // What was calibrated is not counted; the rounds follow it: a of 8, b of 2, c of 1 operations.
  const counted = ran.slice(-3 * 11).join("");
  expect(counted).toBe(`${"a".repeat(8)}bbc` + `bbc${"a".repeat(8)}` + `c${"a".repeat(8)}bb`);
});

test("Ctrl-C ends a measurement", async () => {
  const work = { name: "a", run: () => undefined };
  const options = { rounds: 1, batchMs: 0, signal: AbortSignal.abort() };
  await expect(interleave([work], options)).rejects.toThrow();
});

test("axes hold what they are given, and mark round values", () => {
  const log = axisOf({ label: "T", scale: "log" }, [10, 100_000]);
  expect(log.ticks).toEqual([10, 100, 1_000, 10_000, 100_000]);
  expect([10, 1_000, 100_000].map(log.position)).toEqual([0, 0.5, 1]);
  const linear = axisOf({ label: "ms", scale: "linear" }, [3, 42]);
  expect(linear.ticks).toEqual([0, 10, 20, 30, 40, 50]);
  expect(linear.position(50)).toBe(1);
  expect(axisOf({ label: "n", scale: "linear" }, [0]).ticks[0]).toBe(0);
  expect(() => axisOf({ label: "T", scale: "log" }, [0, 1])).toThrow(RangeError);
  expect(() => axisOf({ label: "T", scale: "linear" }, [])).toThrow(RangeError);
});

test("a plot names its axes, its series and both themes, and escapes what it is given", () => {
  const svg = linePlot({
    title: "a < b & c",
    x: { label: "topics, T", scale: "log" },
    y: { label: "time, ms", scale: "log" },
    series: [
      {
        name: "slow",
        points: [
          [10, 1],
          [100, 10],
        ],
      },
      {
        name: "fast",
        points: [
          [10, 1],
          [100, 1],
        ],
      },
    ],
  });
  for (const text of [
    "topics, T",
    "time, ms",
    "slow",
    "fast",
    "a &lt; b &amp; c",
    "prefers-color-scheme: dark",
  ])
    expect(svg).toContain(text);
  const lines = [...svg.matchAll(/class="line"[^>]* d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"/g)];
  const [slow, fast] = lines.map(([, ...numbers]) => numbers.map(Number));
  // Upwards is down in an SVG: the slow one rises, the fast one stays where it is.
  expect(slow?.[2]).toBeGreaterThan(slow?.[0] ?? 0);
  expect(slow?.[3]).toBeLessThan(slow?.[1] ?? 0);
  expect(fast?.[3]).toBe(fast?.[1]);
  expect(svg).not.toMatch(/NaN|undefined|<script|href/);
});

test("a page says what was found, on what, and under what load", async () => {
  const measurement = await measure(
    {
      name: "nothing",
      summary: "a test's",
      run: async ({ progress }) => {
        progress("waiting", 1)();
        return {
          summary: "Nothing was measured.",
          sections: [
            {
              heading: "Figures",
              table: {
                columns: ["suite", "ops/s"],
                rows: [
                  ["rsa", 12_345.6],
                  ["p256", null],
                ],
              },
              plot: { name: "figures", alt: "a plot", svg: "<svg/>" },
            },
          ],
        };
      },
    },
    { quick: true, signal: NEVER, say: () => undefined },
  );
  const page = renderMarkdown(measurement);
  expect(page).toContain("# Benchmark: nothing\n\nNothing was measured.");
  expect(page).toContain("| suite | ops/s |\n| --- | --: |\n| rsa | 12,346 |\n| p256 | – |");
  expect(page).toContain("![a plot](nothing-figures.svg)");
  expect(page).toMatch(/Load average [\d.]+ before and [\d.]+ after it/);
  expect(page).toMatch(/at commit ([0-9a-f]{7,}|unknown)/);
  expect(page).toContain("quick run");
});

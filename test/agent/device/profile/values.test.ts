import { describe, expect, test } from "vitest";
import { isPlausible, ReportFilter } from "../../../../agent/device/profile/values.ts";

test("a value outside its range is not plausible; texts and others always are", () => {
  const rules = { t: { range: [-40, 85] as [number, number] } };
  expect(
    isPlausible(
      [
        { n: "t", v: 85 },
        { n: "x", v: 1e9 },
        { n: "t", vs: "hot" },
      ],
      rules,
    ),
  ).toBe(true);
  expect(isPlausible([{ n: "t", v: 85.1 }], rules)).toBe(false);
});

describe("ReportFilter", () => {
  const rules = { values: {}, minIntervalMs: 0, maxIntervalMs: 1000 };
  const sent = (filter: ReportFilter, values: readonly [value: number, atMs: number][]) =>
    values.filter(([v, atMs]) => filter.take([{ n: "t", v }], atMs).length > 0).map(([v]) => v);

  test("without rules everything goes", () => {
    const all = [
      [1, 0],
      [1, 0],
      [1, 1],
    ] as const;
    expect(
      sent(new ReportFilter(rules), [...all.map(([v, at]) => [v, at] as [number, number])]),
    ).toHaveLength(3);
  });

  test("a dead-band is measured from what was sent, not from what came last", () => {
    const filter = new ReportFilter({ ...rules, values: { t: { deadBand: 1 } } });
    expect(
      sent(filter, [
        [20, 0],
        [20.6, 1],
        [21.2, 2],
        [20.8, 3],
        [20.2, 4],
      ]),
    ).toEqual([20, 21.2, 20.2]);
  });

  test("and gives way after the longest interval", () => {
    const filter = new ReportFilter({ ...rules, values: { t: { deadBand: 0 } } });
    expect(
      sent(filter, [
        [20, 0],
        [20, 999],
        [20, 1000],
        [20, 1001],
        [21, 1002],
      ]),
    ).toEqual([20, 20, 21]);
  });

  test("of names without end the ones that were not sent for longest are forgotten", () => {
    const filter = new ReportFilter({ ...rules, minIntervalMs: 1000 });
    const isSent = (n: string): boolean => filter.take([{ n, v: 1 }], 0).length > 0;
    expect([isSent("first"), isSent("first")]).toEqual([true, false]);
    for (let i = 0; i < 1023; i++) expect(isSent(`noise${i}`)).toBe(true);
    expect(isSent("first")).toBe(false);
    expect(isSent("one more")).toBe(true);
    expect([isSent("noise0"), isSent("first")]).toEqual([false, true]);
  });

  test("a minimum interval holds for all, unless a value has its own", () => {
    const filter = new ReportFilter({
      ...rules,
      minIntervalMs: 100,
      values: { t: { minIntervalMs: 10 } },
    });
    expect(
      sent(filter, [
        [1, 0],
        [2, 9],
        [3, 10],
        [4, 19],
        [5, 20],
      ]),
    ).toEqual([1, 3, 5]);
    expect(filter.take([{ n: "h", v: 1 }], 0)).toHaveLength(1);
    expect(filter.take([{ n: "h", v: 2 }], 99)).toHaveLength(0);
    expect(filter.take([{ n: "h", v: 3 }], 100)).toHaveLength(1);
  });
});

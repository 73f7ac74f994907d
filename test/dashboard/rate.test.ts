import { describe, expect, test } from "vitest";
import { Rate } from "../../agent/dashboard/rate.ts";

const NOW_MS = 1_700_000_000_000;

describe("a rate", () => {
  test("is that of the last ten whole seconds", () => {
    const rate = new Rate();
    for (let ms = 0; ms < 30_000; ms += 100) rate.add(1, NOW_MS + ms);
    expect(rate.perSecond(NOW_MS + 29_999)).toBe(10);
    expect(rate.perSecond(NOW_MS + 30_000)).toBe(10);
    expect(rate.perSecond(NOW_MS + 35_500)).toBe(5);
    expect(rate.perSecond(NOW_MS + 41_000)).toBe(0);
  });

  test("begins anew where the clock goes back, and after a long pause", () => {
    const rate = new Rate();
    rate.add(500, NOW_MS);
    rate.add(20, NOW_MS - 3_600_000);
    expect(rate.perSecond(NOW_MS - 3_599_000)).toBe(2);
    rate.add(30, NOW_MS + 86_400_000);
    expect(rate.perSecond(NOW_MS + 86_401_000)).toBe(3);
  });
});

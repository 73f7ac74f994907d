import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Allowance, REFILL_PER_S } from "../../../bridge/matching/allowance.ts";

describe("Allowance", () => {
  it("gives as many at once as the bucket is deep, then five a second", () => {
    let nowMs = 0;
    const allowance = new Allowance(() => nowMs);
    const take = (count: number) =>
      Array.from({ length: count }, () => allowance.take("a", 3)).filter(Boolean).length;
    expect(take(10)).toBe(3);
    nowMs += 199;
    expect(take(1)).toBe(0);
    nowMs += 1;
    expect(take(2)).toBe(1);
    nowMs += 60_000;
    expect(take(10)).toBe(3);
    expect(allowance.take("b", 3)).toBe(true);
  });

  it("never gives more than its depth and its refill allow", () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), pauses, (depth, waits) => {
        let nowMs = 0;
        const allowance = new Allowance(() => nowMs);
        let given = 0;
        for (const wait of waits) {
          nowMs += wait;
          if (allowance.take("a", depth)) given++;
          expect(given).toBeLessThanOrEqual(depth + (nowMs / 1000) * REFILL_PER_S + 1e-6);
        }
      }),
    );
  });
});

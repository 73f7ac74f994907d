import { expect, test } from "vitest";
import { Histogram } from "./histogram.ts";

test("gives quantiles to within two per cent, also over a process's border and of several together", () => {
  const histogram = new Histogram();
  for (let ms = 1; ms <= 1000; ms++) histogram.add(ms);
  const copy = new Histogram(JSON.parse(JSON.stringify(histogram)));
  for (const each of [histogram, copy]) {
    expect(each.count).toBe(1000);
    for (const q of [0.5, 0.99, 0.999]) {
      expect(each.quantile(q)).toBeGreaterThanOrEqual(1000 * q);
      expect(each.quantile(q)).toBeLessThan(1000 * q * 1.03);
    }
  }
  const slow = new Histogram();
  for (let n = 0; n < 9000; n++) slow.add(5000);
  slow.merge(histogram);
  expect(slow.count).toBe(10_000);
  expect(slow.quantile(0.5)).toBeCloseTo(5000, -2);
});

test("takes what is out of its range at its ends", () => {
  const histogram = new Histogram();
  histogram.add(0);
  expect(histogram.quantile(1)).toBe(0.01);
  histogram.add(1e9);
  expect(histogram.quantile(1)).toBeGreaterThan(90_000);
  expect(new Histogram().quantile(0.5)).toBeNaN();
});

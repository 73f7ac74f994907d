import { describe, expect, test } from "vitest";
import {
  formatClock,
  formatExact,
  formatNumber,
  formatSteps,
  formatTime,
} from "../../agent/dashboard/page/format.ts";

describe("numbers", () => {
  test.each([
    [101_325, "101,325"],
    [1_234_567, "1,234,567"],
    [13.404_954_123, "13.404954123"],
    [0.1, "0.1"],
    [-0.000_012_34, "-0.00001234"],
    [12_345_678.25, "12,345,678.25"],
    [1.7e308, "1.7e308"],
    [1.234_567_89e-9, "1.23456789e-9"],
    [0, "0"],
    [Number.NaN, "—"],
  ])("%d of a sensor has all its digits: %s", (value, text) => {
    expect(formatExact(value)).toBe(text);
  });

  test("what is calculated has five", () => {
    expect([2 / 3, 101_324.6, 1e300].map(formatNumber)).toEqual(["0.66667", "101,320", "1e300"]);
  });

  test("of an axis differ from their neighbours", () => {
    expect(formatSteps([101_325, 101_327.5, 101_330])).toEqual(["101,325", "101,327.5", "101,330"]);
    expect(formatSteps([0.1, 0.2, 0.1 + 0.2])).toEqual(["0.1", "0.2", "0.3"]);
    expect(formatSteps([-3])).toEqual(["-3"]);
    expect(formatSteps([0, 5e299, 1e300])).toEqual(["0", "5e299", "1e300"]);
  });
});

test("times have one format, with 24 hours", () => {
  const timeMs = new Date(2026, 10, 9, 0, 5, 7).getTime();
  expect(formatTime(timeMs)).toBe("2026-11-09 00:05:07");
  expect(formatClock(timeMs)).toBe("00:05:07");
  expect(formatTime(8.7e15)).toBe("—");
});

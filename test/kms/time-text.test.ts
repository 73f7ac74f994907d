import { expect, test } from "vitest";
import { FOREVER_MS, parseEnd, parseTime } from "../../kms/time-text.ts";

test.each([
  ["2027-12-31", Date.UTC(2027, 11, 31)],
  ["2028-02-29", Date.UTC(2028, 1, 29)],
  ["2027-12-31T10:00Z", Date.UTC(2027, 11, 31, 10)],
  ["2027-12-31T10:00:01.5+02:00", Date.UTC(2027, 11, 31, 8, 0, 1, 500)],
  ["2027-12-31T10:00", new Date(2027, 11, 31, 10).getTime()],
  ["1970-01-01", 0],
])("%s is a time", (text, timeMs) => {
  expect(parseTime(text)).toBe(timeMs);
  expect(parseEnd(text)).toBe(timeMs);
});

test.each([
  "",
  "tomorrow",
  "2027-02-29",
  "2027-13-01",
  "2027-1-1",
  "1969-12-31",
  "2027-12-31T25:00Z",
  "2027",
])("%j is none", (text) => {
  expect(parseTime(text)).toBeNull();
  expect(parseEnd(text)).toBeNull();
});

test("only an end may be never", () => {
  expect([parseTime("never"), parseEnd("never")]).toEqual([null, FOREVER_MS]);
});

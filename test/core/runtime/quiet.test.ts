import { expect, test } from "vitest";
import { Quiet } from "../../../core/runtime/quiet.ts";

test("so many lines a minute about each, and the next one says how many were left out", () => {
  const clock = { ms: 0 };
  const quiet = new Quiet({ perMinute: 2, nowMs: () => clock.ms });
  const taken = ["a", "a", "a", "b", "a"].map((party) => quiet.take(party));
  expect(taken).toEqual([{}, {}, null, {}, null]);
  clock.ms = 60_000;
  expect(quiet.take("a")).toEqual({ suppressed: 2 });
  expect(quiet.take("a")).toEqual({});
  expect(quiet.take("a")).toBeNull();
});

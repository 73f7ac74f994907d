import { expect, test } from "vitest";
import { Pulse } from "../../../core/runtime/pulse.ts";

test("a loop lives as long as it turns in the time that it gave itself", () => {
  let nowMs = 0;
  const pulse = new Pulse("loop", () => nowMs);
  expect(pulse.isAlive).toBe(true);
  pulse.beat(100);
  nowMs = 100;
  expect(pulse.isAlive).toBe(true);
  nowMs = 101;
  expect(pulse.isAlive).toBe(false);
  pulse.beat(50);
  expect(pulse.isAlive).toBe(true);
  nowMs = 10_000;
  pulse.rest();
  expect(pulse.isAlive).toBe(true);
});

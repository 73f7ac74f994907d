import { expect, test } from "vitest";
import { Backoff, NEVER, pause } from "../../../core/runtime/backoff.ts";

test("delays spread from the first one on, double their ceiling, and stay below the maximum", () => {
  for (let run = 0; run < 200; run++) {
    const backoff = new Backoff({ minMs: 100, maxMs: 1000 });
    for (const ceiling of [200, 400, 800, 1000, 1000]) {
      const delay = backoff.nextMs();
      expect(delay).toBeGreaterThanOrEqual(100);
      expect(delay).toBeLessThanOrEqual(ceiling);
    }
    backoff.reset();
    expect(backoff.nextMs()).toBeLessThanOrEqual(200);
  }
  const first = Array.from({ length: 50 }, () => new Backoff({ minMs: 100, maxMs: 1000 }).nextMs());
  expect(Math.max(...first) - Math.min(...first)).toBeGreaterThan(10);
});

test("a pause ends at an abort, and says so", async () => {
  const controller = new AbortController();
  const paused = pause(60_000, controller.signal);
  controller.abort();
  expect(await paused).toBe(false);
  expect(await pause(60_000, controller.signal)).toBe(false);
  expect(await pause(1, NEVER)).toBe(true);
});

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Keepalive } from "../../../../core/ports/mqtt/server-keepalive.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** A client that spoke just now; `silentAtMs` is when it was given up. */
function client(): { readAtMs: number; silent(): void; silentAtMs: number[] } {
  return {
    readAtMs: performance.now(),
    silentAtMs: [],
    silent() {
      this.silentAtMs.push(performance.now());
    },
  };
}

test("one and a half times its keepalive after its last word, and not before, it is silent", () => {
  const startMs = performance.now();
  const speaking = client();
  const keepalive = new Keepalive(speaking, 10);
  for (let spokenAtMs = startMs; spokenAtMs < startMs + 60_000; spokenAtMs += 9_700) {
    vi.advanceTimersByTime(spokenAtMs - performance.now());
    speaking.readAtMs = spokenAtMs;
  }
  vi.advanceTimersByTime(60_000);
  const [silentAtMs = 0] = speaking.silentAtMs;
  expect(speaking.silentAtMs).toHaveLength(1);
  expect(silentAtMs - speaking.readAtMs).toBeGreaterThanOrEqual(15_000);
  expect(silentAtMs - speaking.readAtMs).toBeLessThanOrEqual(16_000);
  keepalive.stop();
});

test("whoever has never spoken after CONNECT is silent in time, and who has gone is not called", () => {
  const mute = client();
  const gone = client();
  new Keepalive(mute, 2);
  new Keepalive(gone, 2).stop();
  vi.advanceTimersByTime(3_000);
  expect(mute.silentAtMs).toHaveLength(1);
  expect(vi.getTimerCount()).toBe(0);
  expect(gone.silentAtMs).toEqual([]);
});

test("many clients of many phases have timers of a few lengths", () => {
  const lengths = new Set<number | undefined>();
  const speaking = Array.from({ length: 200 }, client);
  const setTimer = vi.spyOn(globalThis, "setTimeout");
  for (const each of speaking) new Keepalive(each, 60);
  for (const [n, each] of speaking.entries()) each.readAtMs += n * 299;
  vi.advanceTimersByTime(200_000);
  for (const [, ms] of setTimer.mock.calls) lengths.add(ms);
  expect(speaking.every(({ silentAtMs }) => silentAtMs.length === 1)).toBe(true);
  expect(lengths.size).toBeLessThanOrEqual(91);
});

/** The event stream towards a receiver that a test holds in its hand. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Board } from "../../agent/dashboard/board.ts";
import { EventStreams } from "../../agent/dashboard/events.ts";
import { Limits } from "../../agent/dashboard/limits.ts";
import type { Update } from "../../agent/dashboard/wire.ts";

const TICK_MS = 250;
const LATE_BYTES = 1_000_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("who reads slowly gets fewer events, with all that has changed, and nothing piles up for them", () => {
  const limits = new Limits({ rules: [], staleMs: 1000 });
  const board = new Board({ topics: ["a"], limits, historyMs: 60_000 });
  const streams = new EventStreams({
    board,
    status: () => ({ topics: [], hops: [] }),
    ended: () => null,
  });
  const written: string[] = [];
  const response = {
    writableLength: 0,
    writeHead: () => undefined,
    write: (text: string) => written.push(text),
    on: () => undefined,
    end: () => undefined,
  };
  const updates = (): Update[] =>
    written
      .flatMap((text) => /^data: (.*)$/m.exec(text)?.[1] ?? [])
      .map((text) => JSON.parse(text));
  const add = (value: number): void => {
    const nowMs = Date.now();
    board.add({
      ...{ topic: 0, producer: "pi", name: "t", unit: null, value },
      ...{ timeMs: nowMs, arrivedMs: nowMs, isSynced: true },
    });
  };
  streams.start();
  streams.open({ headers: {} } as IncomingMessage, response as unknown as ServerResponse, null);
  add(1);
  vi.advanceTimersByTime(TICK_MS);
  expect(updates()).toHaveLength(2);

  response.writableLength = LATE_BYTES;
  for (let n = 2; n <= 100; n += 1) {
    add(n);
    vi.advanceTimersByTime(TICK_MS);
  }
  expect(updates()).toHaveLength(2);

  response.writableLength = 0;
  vi.advanceTimersByTime(TICK_MS);
  const [last, ...others] = updates().slice(2);
  expect(others).toEqual([]);
  expect(last?.series).toMatchObject([{ value: 100 }]);
  const count = last?.series[0]?.buckets.reduce((sum, bucket) => sum + bucket[1], 0);
  expect(count).toBeGreaterThanOrEqual(99);
  expect(last?.status).not.toBeNull();
  streams.stop();
});

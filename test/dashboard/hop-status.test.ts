import { expect, test } from "vitest";
import { HopStatus } from "../../agent/dashboard/hop-status.ts";

const NOW_MS = 1_700_000_000_000;

test("a bridge that says so is away; one that says nothing any more is, too, within seconds", () => {
  const hops = new HopStatus();
  const states = (ms: number) => hops.views(NOW_MS + ms).map(({ state }) => state);
  expect(states(0)).toEqual(["down", "unknown", "unknown", "unknown"]);
  const up = { state: "up", ageMs: 500 } as const;
  hops.take(
    { bridge: up, kafka: { state: "down", ageMs: 9000 }, zookeeper: up, directory: up },
    NOW_MS,
  );
  expect(states(10_000)).toEqual(["up", "down", "up", "up"]);
  expect(states(13_000)).toEqual(["down", "unknown", "unknown", "unknown"]);
  hops.take(null, NOW_MS + 14_000);
  // When each was seen last is still known.
  expect(hops.views(NOW_MS + 14_000).map(({ seenMs }) => NOW_MS - (seenMs ?? 0))).toEqual([
    500, 9000, 500, 500,
  ]);
  hops.take({ bridge: up, kafka: up, zookeeper: up, directory: up }, NOW_MS + 15_000);
  expect(states(15_000)).toEqual(["up", "up", "up", "up"]);
});

/** What publishers are made to do together, and what came of it. */
import { VeilError } from "../../../core/errors.ts";
import { NEVER, pause } from "../../../core/runtime/backoff.ts";
import { Histogram } from "./histogram.ts";
import type { Publisher } from "./publisher.ts";

/**
 * Closed: each publisher keeps `window` publishes in flight, as fast as it goes. Open: `perSecond` of all together, come
 * what may; a publish's time runs from when it was due, also if the publisher itself was late.
 */
export type Load =
  | { readonly kind: "closed"; readonly window: number }
  | { readonly kind: "open"; readonly perSecond: number; readonly window: number };

export interface LoadResult {
  readonly acknowledged: number;
  readonly seconds: number;
  readonly latencies: Histogram;
}

/** Of the time, what is not counted at its beginning. */
const WARM_UP = 0.25;
const TICK_MS = 2;
const DRAIN_MS = 20_000;

/** Loads for `seconds`, then waits for the last PUBACKs. Throws where a connection breaks, TIMEOUT where they stay away. */
export async function runLoad(
  publishers: readonly Publisher[],
  load: Load,
  seconds: number,
): Promise<LoadResult> {
  const running = new AbortController();
  const loading =
    load.kind === "closed"
      ? closedLoop(publishers, load.window, running.signal)
      : openLoop(publishers, load, running.signal);
  // It is awaited below, when it has had its time.
  loading.catch(() => undefined);
  await pause(1000 * seconds * WARM_UP, NEVER);
  const latencies = new Histogram();
  for (const publisher of publishers) publisher.countInto(latencies);
  const startMs = performance.now();
  await pause(1000 * seconds * (1 - WARM_UP), NEVER);
  const tookMs = performance.now() - startMs;
  const acknowledged = latencies.count;
  running.abort();
  await loading;
  await drain(publishers);
  return { acknowledged, seconds: tookMs / 1000, latencies };
}

/** Sends as many as were acknowledged, together: half a window at a time would be kinder than any device is. */
async function closedLoop(
  publishers: readonly Publisher[],
  window: number,
  signal: AbortSignal,
): Promise<void> {
  for (const publisher of publishers) {
    const fill = (): void => {
      if (signal.aborted) return;
      const room = window - publisher.inFlight;
      if (room > 0) publisher.send(room, performance.now());
    };
    publisher.listen(fill);
    fill();
  }
  while (await pause(TICK_MS, signal)) for (const publisher of publishers) publisher.check();
}

/** By turns, so that each publisher's publishes are evenly apart. A full window makes what is due wait. */
async function openLoop(
  publishers: readonly Publisher[],
  { perSecond, window }: Extract<Load, { kind: "open" }>,
  signal: AbortSignal,
): Promise<void> {
  const startMs = performance.now();
  const sent = publishers.map(() => 0);
  const dueMs = (turn: number, n: number): number =>
    startMs + (1000 * (turn * publishers.length + n)) / perSecond;
  do {
    const nowMs = performance.now();
    for (const [n, publisher] of publishers.entries()) {
      publisher.check();
      let turn = sent[n] ?? 0;
      for (; publisher.inFlight < window && dueMs(turn, n) <= nowMs; turn++)
        publisher.send(1, dueMs(turn, n));
      sent[n] = turn;
    }
  } while (await pause(TICK_MS, signal));
}

async function drain(publishers: readonly Publisher[]): Promise<void> {
  const deadline = performance.now() + DRAIN_MS;
  while (publishers.some(({ inFlight }) => inFlight > 0)) {
    for (const publisher of publishers) publisher.check();
    if (performance.now() > deadline) throw new VeilError("TIMEOUT", "PUBACKs stayed away");
    await pause(TICK_MS, NEVER);
  }
}

import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { Wake } from "../../../../core/ports/kafka/wake.ts";

const forever = Number.POSITIVE_INFINITY;

test("sleeps until it is woken, the time is up, or the end has come", async () => {
  const wake = new Wake();
  const end = new AbortController();
  setTimeout(() => wake.notify(), 20);
  await wake.wait(forever, end.signal);
  await wake.wait(20, end.signal);
  setTimeout(() => end.abort(), 20);
  await wake.wait(forever, end.signal);
  await wake.wait(forever, end.signal);
  expect(getEventListeners(end.signal, "abort")).toHaveLength(0);
});

test("remembers one call that came while nobody slept", async () => {
  const wake = new Wake();
  const { signal } = new AbortController();
  wake.notify();
  wake.notify();
  await wake.wait(forever, signal);
  const startedAt = performance.now();
  await wake.wait(50, signal);
  expect(performance.now() - startedAt).toBeGreaterThan(45);
});

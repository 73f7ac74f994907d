import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { Brokers } from "../../../../core/ports/kafka/brokers.ts";
import { stopIdleWakeups } from "../../../../core/ports/kafka/idle-wakeups.ts";
import { sharedKafka } from "../../../support/kafka.ts";

const IDLE_MS = 300;
const load = createRequire(import.meta.url);

/** kafkajs's class as it comes, not the copy that the port has patched. */
function freshQueueClass() {
  const path = load.resolve("kafkajs/src/network/requestQueue");
  const patched = load.cache[path];
  delete load.cache[path];
  const queueClass = load(path);
  load.cache[path] = patched;
  return queueClass;
}

async function timersSetBy(idle: () => Promise<void>): Promise<number> {
  const spy = vi.spyOn(globalThis, "setTimeout");
  try {
    await idle();
    return spy.mock.calls.length;
  } finally {
    spy.mockRestore();
  }
}

function queueOf(queueClass: ReturnType<typeof freshQueueClass>, maxInFlightRequests: number) {
  const logger = { debug: () => undefined };
  return new queueClass({
    maxInFlightRequests,
    requestTimeout: 1000,
    enforceRequestTimeout: false,
    logger,
  });
}

test("an idle queue sets no timers with the patch, and again and again without", async () => {
  for (const isPatched of [false, true]) {
    const queueClass = freshQueueClass();
    if (isPatched) stopIdleWakeups(queueClass);
    const queue = queueOf(queueClass, 1);
    const timers = await timersSetBy(async () => {
      queue.checkPendingRequests();
      await sleep(IDLE_MS);
    });
    queue.destroy();
    if (isPatched) expect(timers).toBeLessThan(3);
    else expect(timers).toBeGreaterThan(5);
  }
});

test("a request that has to wait is still sent, by the timer too", async () => {
  const queueClass = freshQueueClass();
  stopIdleWakeups(queueClass);
  stopIdleWakeups(queueClass);
  const queue = queueOf(queueClass, 10);
  const sent: number[] = [];
  const push = (correlationId: number): void =>
    queue.push({
      entry: { correlationId, resolve: () => undefined, reject: () => undefined },
      expectResponse: true,
      sendRequest: () => sent.push(correlationId),
    });
  push(1);
  queue.maybeThrottle(50);
  push(2);
  expect(sent).toEqual([1]);
  await expect.poll(() => sent).toEqual([1, 2]);
  queue.destroy();
});

test("an idle connection to a real broker does not wake the process", async () => {
  const brokers = new Brokers({ kafka: sharedKafka() });
  await brokers.metadata([]);
  const { controllerId } = await brokers.metadata([]);
  await brokers.call(controllerId, "idling", async () => undefined);
  const timers = await timersSetBy(async () => {
    await sleep(IDLE_MS);
  });
  expect(timers).toBeLessThan(5);
  brokers.stop();
});

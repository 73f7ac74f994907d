/** What the tests of this folder share: an object under test, and waiting for something to become so. */
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { ZooKeeper, type ZooKeeperOptions } from "../../../../core/ports/zookeeper/zookeeper.ts";
import { pause } from "../../../../core/runtime/backoff.ts";

const NEVER = new AbortController().signal;
const POLL_MS = 10;

/** The shortest session that the test servers grant is 2,000 ms. */
export const SESSION_TIMEOUT_MS = 2_400;
export const CALL_TIMEOUT_MS = 1_000;

export const silent = pino({ level: "silent" });

/** A ZooKeeper object that has started and stops with the test. */
export async function openZooKeeper(
  server: string,
  options: Partial<ZooKeeperOptions> = {},
): Promise<ZooKeeper> {
  const zookeeper = new ZooKeeper({
    servers: [server],
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    callTimeoutMs: CALL_TIMEOUT_MS,
    log: silent,
    ...options,
  });
  await zookeeper.start();
  onTestFinished(() => zookeeper.stop());
  return zookeeper;
}

/** Resolves as soon as `condition` holds, with the time it took; throws after `timeoutMs`. */
export async function until(condition: () => boolean, timeoutMs: number): Promise<number> {
  const startMs = performance.now();
  while (!condition()) {
    if (performance.now() - startMs > timeoutMs) throw new Error("it did not become so in time");
    await pause(POLL_MS, NEVER);
  }
  return performance.now() - startMs;
}

export async function sleep(ms: number): Promise<void> {
  await pause(ms, NEVER);
}

export function bytes(text: string): Buffer {
  return Buffer.from(text);
}

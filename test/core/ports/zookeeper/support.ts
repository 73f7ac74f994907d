/** What the tests of this folder share: an object under test, and a little beside it. */
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { ZooKeeper, type ZooKeeperOptions } from "../../../../core/ports/zookeeper/zookeeper.ts";
import { NEVER, pause } from "../../../../core/runtime/backoff.ts";

/**
 * Long, so that what a busy machine delays is no fault: a third of the session is what a server may be silent for.
 * The test servers grant 2,000 to 20,000 ms.
 */
export const SESSION_TIMEOUT_MS = 15_000;
export const CALL_TIMEOUT_MS = 10_000;

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

export async function sleep(ms: number): Promise<void> {
  await pause(ms, NEVER);
}

export function bytes(text: string): Buffer {
  return Buffer.from(text);
}

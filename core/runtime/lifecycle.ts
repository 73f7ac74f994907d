/**
 * A daemon's life: start in order, wait for SIGTERM or SIGINT, stop in reverse order, each within a deadline.
 * A second signal ends the process at once.
 */
import { VeilError } from "../errors.ts";
import { pause } from "./backoff.ts";
import type { Logger } from "./log.ts";

/** Longer than a socket takes that is closed in an orderly way. */
const LEAVE_MS = 2_000;
/** What the log says of a process that something kept from ending. */
export const LEFT_OPEN = "something was left open; the process ends all the same";

export interface Part {
  readonly name: string;
  start?(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts `parts` in order; where one fails, stops those already started in reverse and rethrows. */
export async function startAll(parts: readonly Part[], log: Logger): Promise<void> {
  const started: Part[] = [];
  try {
    for (const part of parts) {
      started.push(part);
      await part.start?.();
    }
  } catch (error) {
    await stopAll(started, log);
    throw error;
  }
}

/** Stops `parts` in reverse order. A part that fails or outlives `deadlineMs` is logged and passed over. */
export async function stopAll(
  parts: readonly Part[],
  log: Logger,
  deadlineMs = 10_000,
): Promise<boolean> {
  let clean = true;
  for (const part of [...parts].reverse()) {
    const cancel = new AbortController();
    try {
      await Promise.race([
        part.stop(),
        pause(deadlineMs, cancel.signal).then((elapsed) => {
          if (elapsed) throw new VeilError("TIMEOUT", `${part.name} did not stop in time`);
        }),
      ]);
    } catch (error) {
      clean = false;
      log.error({ err: error, part: part.name }, "could not stop cleanly");
    } finally {
      cancel.abort();
    }
  }
  return clean;
}

/**
 * To be called when everything is stopped. A process ends by itself when nothing is open any more; what was left open is
 * named in the log and keeps it for two seconds, no longer.
 */
export function leave(log: Logger): void {
  setTimeout(() => {
    log.warn({ open: process.getActiveResourcesInfo() }, LEFT_OPEN);
    process.exit();
  }, LEAVE_MS).unref();
}

/** A signal that aborts at the first SIGTERM or SIGINT; the second one exits with 130 at once. */
export function shutdownSignal(): AbortSignal {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  return controller.signal;
}

/** Calls `onReload` at every SIGHUP, one after the other; it must not throw. */
export function onReloadSignal(onReload: () => Promise<void>): void {
  let last = Promise.resolve();
  process.on("SIGHUP", () => {
    last = last.then(onReload);
  });
}

/** Resolves when `signal` aborts. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true }),
  );
}

/** Waiting for a process of the demo to be of use. */
import { VeilError } from "../core/errors.ts";
import { pause } from "../core/runtime/backoff.ts";
import type { GuardedProcess } from "./guarded-process.ts";

const DEADLINE_MS = 60_000;
const POLL_MS = 50;

/** Throws UNAVAILABLE where `process` ends or is not `ready` in time (a minute), STOPPED if `signal` aborts. */
export async function untilReady(
  process: GuardedProcess,
  ready: () => Promise<boolean>,
  signal: AbortSignal,
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await ready())) {
    if (!process.running || Date.now() > deadline)
      throw new VeilError("UNAVAILABLE", `${process.name} did not start: see ${process.logFile}`);
    if (!(await pause(POLL_MS, signal))) throw new VeilError("STOPPED", "interrupted");
  }
}

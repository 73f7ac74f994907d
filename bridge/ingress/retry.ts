/** Trying again what Kafka did not do yet: a promise to a device waits as long as the device does. */
import { isVeilError } from "../../core/errors.ts";
import { Backoff } from "../../core/runtime/backoff.ts";

const RETRY = { minMs: 100, maxMs: 5000 } as const;

/** Calls `attempt` until it succeeds, fails for good, or the session ends; then throws what it threw last. */
export async function retryUntilEnd<T>(
  session: { readonly ended: AbortSignal },
  attempt: () => Promise<T>,
): Promise<T> {
  const backoff = new Backoff(RETRY);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!isVeilError(error) || !error.retryable || !(await backoff.wait(session.ended)))
        throw error;
    }
  }
}

/** Waiting for what a test is about to look at. For one value to become another `expect.poll` says more when it fails. */
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 5;
/** Also on a slow machine with other work to do; well below a test's own two minutes, so that this is what fails. */
const PATIENCE_MS = 30_000;

/** Resolves as soon as `isSo`; throws after `timeoutMs`. */
export async function until(isSo: () => boolean, timeoutMs = PATIENCE_MS): Promise<void> {
  for (const endMs = performance.now() + timeoutMs; !isSo(); await sleep(POLL_MS))
    if (performance.now() > endMs) throw new Error("it did not become so in time");
}

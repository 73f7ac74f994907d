/** How a worker thread leaves the processor to the thread that it works for. */
import { constants, getPriority, platform, setPriority } from "node:os";

/**
 * The calling thread gets what the others leave; where they leave nothing, a tenth of what one of them has. Only on
 * Linux, where a priority is a thread's (setpriority(2)): elsewhere it would be the whole program's.
 */
export function yieldToOtherThreads(): void {
  if (platform() !== "linux") return;
  setPriority(Math.max(getPriority(), constants.priority.PRIORITY_BELOW_NORMAL));
}

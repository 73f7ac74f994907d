/** Memory that is really held: measured after a full collection. */
import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Bytes in the heap and in buffers outside of it that are still reachable. It may be more than that, where it is not
 * above `enough`: to collect again takes as long as hundreds of inputs.
 */
export async function heldBytes(enough = 0): Promise<number> {
  collect();
  if (usedBytes() <= enough) return usedBytes();
  // Native handles, such as ciphers, are let go in a turn of their own.
  await turn();
  collect();
  return usedBytes();
}

function usedBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Of `node --expose-gc`, or the same switched on here: under vitest there is no command line. */
const collect = globalThis.gc ?? exposedGc();

function exposedGc(): () => void {
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext("gc");
  if (typeof gc !== "function") throw new Error("this node cannot collect on demand");
  return () => gc();
}

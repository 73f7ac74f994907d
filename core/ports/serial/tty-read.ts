/**
 * One read from a tty that was opened with O_NONBLOCK and VMIN ≥ 1, told apart: bytes, none yet, hung up.
 * A hung-up tty returns 0 bytes, at once and for ever; a silent one never does. The binding of serialport
 * reads again on 0 and so spins (seen in 35 of 40 unplugs in traffic), without any event to its user.
 */
import { readSync } from "node:fs";
import { isBusy } from "./busy.ts";
import { hungUp } from "./errors.ts";

/**
 * The number of bytes read into `buffer`; null if there are none yet. Throws DISCONNECTED. It never waits, so no thread
 * of the pool has to be woken for it.
 */
export function readTty(path: string, descriptor: number, buffer: Buffer): number | null {
  try {
    const bytesRead = readSync(descriptor, buffer, 0, buffer.length, null);
    if (bytesRead > 0) return bytesRead;
  } catch (error) {
    if (isBusy(error)) return null;
    throw hungUp(path, error);
  }
  throw hungUp(path);
}

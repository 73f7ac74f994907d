/**
 * One read from a tty that was opened with O_NONBLOCK and VMIN ≥ 1, told apart: bytes, none yet, hung up.
 * A hung-up tty returns 0 bytes, at once and for ever; a silent one never does. The binding of serialport
 * reads again on 0 and so spins (seen in 35 of 40 unplugs in traffic), without any event to its user.
 */
import { read } from "node:fs";
import { promisify } from "node:util";
import { isBusy } from "./busy.ts";
import { hungUp } from "./errors.ts";

const readAsync = promisify(read);

/** The number of bytes read into `buffer`; null if there are none yet. Throws DISCONNECTED. */
export async function readTty(
  path: string,
  descriptor: number,
  buffer: Buffer,
): Promise<number | null> {
  try {
    const { bytesRead } = await readAsync(descriptor, buffer, 0, buffer.length, null);
    if (bytesRead > 0) return bytesRead;
  } catch (error) {
    if (isBusy(error)) return null;
    throw hungUp(path, error);
  }
  throw hungUp(path);
}

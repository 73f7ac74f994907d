/** What goes wrong with a serial port, as VeilError with a hint. The path is no secret. */
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { VeilError } from "../../errors.ts";

/** The port hung up while it was open: pulled, reset, or its driver is gone. */
export function hungUp(path: string, cause?: unknown): VeilError {
  return new VeilError("DISCONNECTED", `${path} hung up`, {
    hint: "was it unplugged? It is opened again as soon as it is back",
    cause,
  });
}

/**
 * Why `path` could not be opened. The binding throws plain sentences without a code, so the file system is
 * asked; the lock has nothing but its sentence to be told by, and a port that was plugged in just after the attempt.
 */
export async function openProblem(path: string, cause: unknown): Promise<VeilError> {
  const kind = await stat(path).catch(() => null);
  if (kind === null || says(cause, /no such file/i))
    return new VeilError("UNAVAILABLE", `there is no ${path}`, {
      hint: "is the device plugged in? A name in /dev/serial/by-id stays the same over replugging",
      cause,
    });
  if (!kind.isCharacterDevice())
    return new VeilError("CONFIG", `${path} is not a serial port`, {
      hint: "give the path of a tty device such as /dev/ttyUSB0",
      cause,
    });
  const allowed = await access(path, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!allowed)
    return new VeilError("UNAVAILABLE", `this user may not open ${path}`, {
      hint: "add the user to the group dialout: usermod -aG dialout USER",
      cause,
    });
  if (says(cause, /lock|busy/i))
    return new VeilError("UNAVAILABLE", `another process has ${path}`, {
      hint: `see which: fuser -v ${path}`,
      cause,
    });
  return new VeilError("UNAVAILABLE", `${path} could not be opened`, {
    hint: "does the device take these settings (baudRate, dataBits, stopBits, parity)?",
    cause,
  });
}

function says(cause: unknown, words: RegExp): boolean {
  return cause instanceof Error && words.test(cause.message);
}

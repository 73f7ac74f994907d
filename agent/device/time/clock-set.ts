/**
 * Whether this machine's clock is set: a Raspberry Pi has none that runs without power, and begins with the time of
 * its last shutdown, or of its system's image. Asked without native code:
 *
 * 1. A clock from before this release is not set, whatever anybody says.
 * 2. systemd-timesyncd leaves /run/systemd/timesync/synchronized once it has set the clock in this boot.
 * 3. Other daemons (chrony, ntpd) set the kernel's flag, which timedatectl reads.
 * 4. Where there is neither, nobody keeps the clock but its owner, and a plausible one is taken as set.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { fileExists } from "../../../core/runtime/files.ts";

const run = promisify(execFile);

/** No clock that is set can be before this. */
const RELEASED_MS = Date.UTC(2026, 9, 1);
const ASK_TIMEOUT_MS = 5000;

export interface ClockSetOptions {
  readonly nowMs?: () => number;
  /** Where systemd keeps what it knows of this boot. */
  readonly systemdFolder?: string;
  /** A program that answers as timedatectl does. */
  readonly timedatectl?: string;
}

export async function isClockSet(options: ClockSetOptions = {}): Promise<boolean> {
  const { nowMs = Date.now, systemdFolder = "/run/systemd" } = options;
  if (nowMs() < RELEASED_MS) return false;
  if (await fileExists(`${systemdFolder}/timesync/synchronized`)) return true;
  if (await fileExists(`${systemdFolder}/timesync`)) return false;
  if (!(await fileExists(`${systemdFolder}/system`))) return true;
  return (await askTimedatectl(options.timedatectl ?? "timedatectl")) ?? true;
}

/** null if it does not answer. */
async function askTimedatectl(program: string): Promise<boolean | null> {
  const args = ["show", "--property=NTPSynchronized", "--value"];
  try {
    const { stdout } = await run(program, args, { timeout: ASK_TIMEOUT_MS });
    if (stdout.trim() === "yes") return true;
    return stdout.trim() === "no" ? false : null;
  } catch {
    return null;
  }
}

/**
 * Readings to a command of the user's: run once for each few, NDJSON on its stdin, so that no topic or reading is ever on
 * a command line. Its exit code 0 is the acknowledgement.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { VeilError } from "../../core/errors.ts";

/** What a shell ends with where the command is not there, or may not be run. */
const CANNOT_RUN = [126, 127];
/** How long a command may still work when the consumer is to stop. */
const GRACE_MS = 10_000;

/** Runs `command` in a shell once. Throws UNAVAILABLE if it fails, CONFIG if there is no such command. */
export async function runCommand(
  command: string,
  lines: string,
  signal: AbortSignal,
  graceMs = GRACE_MS,
): Promise<void> {
  // Detached: a Ctrl-C in the terminal is for the consumer, which lets the command finish.
  const child = spawn("/bin/sh", ["-c", command], {
    stdio: ["pipe", "inherit", "inherit"],
    detached: true,
  });
  const exit = exitOf(child);
  // It may exit without having read everything: its exit code says whether that is well.
  child.stdin.on("error", () => undefined);
  child.stdin.end(lines);
  const stopLate = stopAfterGrace(child.pid, { signal, graceMs });
  try {
    const { code, killedBy } = await exit;
    if (code === 0) return;
    if (code !== null && CANNOT_RUN.includes(code))
      throw new VeilError("CONFIG", `the command of --exec cannot be run (exit code ${code})`);
    const how = killedBy === null ? `exit code ${code}` : killedBy;
    throw new VeilError("UNAVAILABLE", `the command of --exec failed (${how})`);
  } finally {
    stopLate();
  }
}

async function exitOf(
  child: ChildProcess,
): Promise<{ code: number | null; killedBy: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, killedBy) => resolve({ code, killedBy }));
  });
}

/** Ends the command's whole process group some time after `signal` aborts; returns how to call that off. */
function stopAfterGrace(
  pid: number | undefined,
  { signal, graceMs }: { signal: AbortSignal; graceMs: number },
): () => void {
  let timer: NodeJS.Timeout | undefined;
  const arm = (): void => {
    timer = setTimeout(() => {
      if (pid !== undefined) killGroup(pid);
    }, graceMs);
  };
  signal.addEventListener("abort", arm, { once: true });
  if (signal.aborted) arm();
  return () => {
    signal.removeEventListener("abort", arm);
    clearTimeout(timer);
  };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It ended a moment ago, and the news of that is on its way.
  }
}

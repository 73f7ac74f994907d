/** Folders of servers that may be running when this process ends, such as by a signal. */
import { spawn } from "node:child_process";

/** By then whoever wrote there has ended: servers of ours get SIGKILL when their parent ends. */
const REMOVE = 'sleep 1; rm -rf -- "$1"';

/**
 * Has `folder` removed by a process that outlives this one, which has no time for it: vitest exits at once on SIGTERM.
 * Returns how to call that off.
 */
export function removeAtExit(folder: string): () => void {
  const remove = (): void => {
    spawn("sh", ["-c", REMOVE, "sh", folder], { detached: true, stdio: "ignore" }).unref();
  };
  process.once("exit", remove);
  return () => process.off("exit", remove);
}

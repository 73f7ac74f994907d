/** What a report was made on: machine, system, commit. No name of the machine or of a path on it. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { promisify } from "node:util";
import { packageFile } from "../../core/runtime/package.ts";

const run = promisify(execFile);
const GIB = 2 ** 30;

/** Of the last minute. */
export function loadAverage(): number {
  return Math.round(10 * (loadavg()[0] ?? 0)) / 10;
}

/** Processors, memory, system, Node. */
export async function describeMachine(): Promise<string> {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / GIB);
  const system = await readFile("/etc/os-release", "utf8").catch(() => "");
  const name = /^PRETTY_NAME="(.*)"$/m.exec(system)?.[1] ?? "Linux";
  return `${availableParallelism()} × ${cpu?.model.trim() ?? "CPU"}, ${memory} GiB; ${name}; Node ${process.version}`;
}

/** Of the work tree, and whether something in it is changed; `unknown` outside one. */
export async function describeCommit(): Promise<string> {
  const git = (...args: string[]): Promise<string> =>
    run("git", args, { cwd: packageFile() }).then(({ stdout }) => stdout.trim());
  try {
    const changed = (await git("status", "--porcelain", "--untracked-files=no")) !== "";
    return (await git("rev-parse", "--short", "HEAD")) + (changed ? ", with changes" : "");
  } catch {
    return "unknown";
  }
}

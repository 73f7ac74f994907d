/** What the kernel says of a process and all its threads (proc(5)). */
import { readdir, readFile } from "node:fs/promises";
import { pause } from "../../../core/runtime/backoff.ts";

/** Of a second, on every Linux that Node runs on: USER_HZ. */
const TICKS_PER_SECOND = 100;
const KIB_PER_MIB = 1024;

/** Over some time. */
export interface Vitals {
  /** The largest resident set that was seen, MiB. */
  readonly residentMiB: number;
  /** Of one core: 1 is all of it. */
  readonly processor: number;
  /** How often any of its threads went to sleep and was woken, a second. */
  readonly wakes: number;
}

/** Watches `pid` for `forMs`. Throws what reading /proc does: the process has ended. */
export async function watchVitals(
  pid: number,
  forMs: number,
  signal: AbortSignal,
): Promise<Vitals> {
  const [beganMs, before] = [performance.now(), await counters(pid)];
  let residentMiB = 0;
  while (performance.now() - beganMs < forMs) {
    if (!(await pause(Math.min(1000, forMs), signal))) signal.throwIfAborted();
    residentMiB = Math.max(residentMiB, await resident(pid));
  }
  const [seconds, after] = [(performance.now() - beganMs) / 1000, await counters(pid)];
  return {
    residentMiB,
    processor: (after.ticks - before.ticks) / TICKS_PER_SECOND / seconds,
    wakes: (after.wakes - before.wakes) / seconds,
  };
}

async function resident(pid: number): Promise<number> {
  return field(await readFile(`/proc/${pid}/status`, "utf8"), "VmRSS") / KIB_PER_MIB;
}

async function counters(pid: number): Promise<{ ticks: number; wakes: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // The name, in brackets, may hold blanks; utime and stime are the 12th and 13th field behind it.
  const [user, system] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13);
  let wakes = 0;
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const status = await readFile(`/proc/${pid}/task/${thread}/status`, "utf8").catch(() => "");
    wakes += field(status, "voluntary_ctxt_switches");
  }
  return { ticks: Number(user) + Number(system), wakes };
}

function field(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(status)?.[1] ?? 0);
}

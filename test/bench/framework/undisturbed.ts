/**
 * Turns during which the machine was a machine: the host of a virtual one gives its processors to others at times, and
 * what waits for them meanwhile says nothing of the program.
 */
import { readFile } from "node:fs/promises";

/** Of all processors' time, 0 ≤ part ≤ 1: in a second on two processors, 20 ms. Half as much is an ordinary quiet hour's. */
export const TOLERATED = 0.01;

/** What a piece of work gave, and what part of the processors' time others had meanwhile. */
export interface Turn<T> {
  readonly result: T;
  readonly stolen: number;
}

/**
 * Does `work`, and asks Linux what was stolen from it: always 0 on a machine that is nobody's guest, and for work
 * shorter than a tick (10 ms).
 */
export async function turnOf<T>(work: () => Promise<T>): Promise<Turn<T>> {
  const before = await processorTicks();
  const result = await work();
  const after = await processorTicks();
  return { result, stolen: (after.stolen - before.stolen) / Math.max(1, after.all - before.all) };
}

export function isDisturbed({ stolen }: Turn<unknown>): boolean {
  return stolen > TOLERATED;
}

/** Takes turns until `wanted` were undisturbed, `most` in all: the least disturbed, `wanted` of them. */
export async function leastDisturbed<T>(
  take: () => Promise<Turn<T>>,
  { wanted, most }: { readonly wanted: number; readonly most: number },
): Promise<Turn<T>[]> {
  const turns: Turn<T>[] = [];
  let quiet = 0;
  while (quiet < wanted && turns.length < most) {
    const turn = await take();
    turns.push(turn);
    if (!isDisturbed(turn)) quiet++;
  }
  return turns.sort((a, b) => a.stolen - b.stolen).slice(0, wanted);
}

/** Since the start of the machine, of all processors together (proc_stat(5)). */
async function processorTicks(): Promise<{ stolen: number; all: number }> {
  const [line = ""] = (await readFile("/proc/stat", "utf8")).split("\n", 1);
  // user, nice, system, idle, iowait, irq, softirq, steal; a guest's time, after them, is in user's already.
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  return { stolen: ticks[7] ?? 0, all: ticks.reduce((sum, part) => sum + part, 0) };
}

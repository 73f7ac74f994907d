/**
 * Turns during which the machine was a machine: the host of a virtual one gives its processors to others at times, and
 * what waits for them meanwhile says nothing of the program.
 */
import { readFile } from "node:fs/promises";

/** Of all processors' time, 0 ≤ part ≤ 1: in 4 s on two processors, 80 ms. Half as much is an ordinary quiet hour's. */
export const TOLERATED = 0.01;

/** What a piece of work gave, and what part of the processors' time others had meanwhile. */
export interface Turn<T> {
  readonly result: T;
  readonly stolen: number;
}

/**
 * Does `work`, and asks Linux what was stolen from it: always 0 on a machine that is
 * nobody's guest, and for work shorter than a tick (10 ms).
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

/** Turns that may be taken again: of a whole benchmark, so that a bad hour makes it late and not endless. */
export interface Patience {
  left: number;
}

/** Takes a turn until one is undisturbed or `patience` is at its end: then the least disturbed. `attempt` counts from 0. */
export async function undisturbed<T>(
  take: (attempt: number) => Promise<Turn<T>>,
  patience: Patience,
): Promise<Turn<T>> {
  let best = await take(0);
  for (let attempt = 1; isDisturbed(best) && patience.left > 0; attempt++) {
    patience.left--;
    const turn = await take(attempt);
    if (turn.stolen < best.stolen) best = turn;
  }
  return best;
}

/** Since the start of the machine, of all processors together (proc_stat(5)). */
async function processorTicks(): Promise<{ stolen: number; all: number }> {
  const [line = ""] = (await readFile("/proc/stat", "utf8")).split("\n", 1);
  // user, nice, system, idle, iowait, irq, softirq, steal; a guest's time, after them, is in user's already.
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  return { stolen: ticks[7] ?? 0, all: ticks.reduce((sum, part) => sum + part, 0) };
}

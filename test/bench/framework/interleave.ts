/**
 * Times computations against each other: in rounds, each round all of them one after another and beginning with another
 * one, so that a machine whose speed drifts (others run on it, it gets warm) slows all alike. What counts is the
 * processor's time, not the clock's: it does not run while another process has the processor.
 */

/** Something to time that answers at once. */
export interface Contestant {
  readonly name: string;
  /** One operation. */
  run(): unknown;
  /** How many make one figure; without it, as many as fill a batch, found out by trying, which also warms up. */
  readonly operations?: number;
}

export interface InterleaveOptions {
  readonly rounds: number;
  /** How long a contestant works in each round, at least. */
  readonly batchMs: number;
  readonly signal: AbortSignal;
  /** Told of each round done. */
  readonly onRound?: () => void;
  /** The processor's time of this process; for tests. */
  readonly nowMs?: () => number;
}

/** Of each contestant, in the order given: milliseconds an operation, one figure a round. Throws the signal's reason. */
export async function interleave(
  contestants: readonly Contestant[],
  options: InterleaveOptions,
): Promise<number[][]> {
  const { rounds, batchMs, signal, onRound, nowMs = processorMs } = options;
  const batches = contestants.map(
    (contestant) => contestant.operations ?? operationsIn(contestant, batchMs, nowMs),
  );
  const results: number[][] = contestants.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const index of rotated(contestants.length, round)) {
      signal.throwIfAborted();
      const [contestant, operations = 1] = [contestants[index], batches[index]];
      if (!contestant) continue;
      results[index]?.push(timeOf(contestant, operations, nowMs) / operations);
      // A turn of the event loop, for Ctrl-C and the progress bar.
      await new Promise(setImmediate);
    }
    onRound?.();
  }
  return results;
}

/** How many operations take at least `batchMs`. */
function operationsIn(contestant: Contestant, batchMs: number, nowMs: () => number): number {
  for (let operations = 1; ; operations *= 2) {
    const tookMs = timeOf(contestant, operations, nowMs);
    if (tookMs >= batchMs) return operations;
    const enough = Math.ceil((operations * batchMs) / Math.max(tookMs, Number.EPSILON));
    if (tookMs >= batchMs / 2) return enough;
  }
}

function timeOf({ run }: Contestant, operations: number, nowMs: () => number): number {
  const startMs = nowMs();
  for (let i = 0; i < operations; i++) run();
  return nowMs() - startMs;
}

/** 0 … count−1, beginning with another one each round. */
function rotated(count: number, round: number): number[] {
  return Array.from({ length: count }, (_, i) => (i + round) % count);
}

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Work on a whole fleet: on worker threads, in batches that are committed one after the other. */
import { availableParallelism } from "node:os";
import { WorkerPool } from "../core/runtime/workers.ts";

const MAX_BATCH_CLIENTS = 500;
/** Of a bundle, estimated: a bridge takes 32 MiB at once. */
const MAX_BATCH_BYTES = 8 * 2 ** 20;
const MAX_WORKERS = 16;
const WORKER_IDLE_MS = 5_000;
/** Files written at a time: most of their time is waiting for the disk. */
const CONCURRENT_FILES = 16;

/** A grant in a bundle, in bytes, estimated. */
export const GRANT_BYTES = 250;

/** In their order, each batch below the bounds; an item that is above them alone is a batch of its own. */
export function inBatches<T>(items: readonly T[], bytesOf: (item: T) => number): T[][] {
  const batches: T[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const own = bytesOf(item);
    const last = batches.at(-1);
    if (last && last.length < MAX_BATCH_CLIENTS && bytes + own <= MAX_BATCH_BYTES) {
      last.push(item);
      bytes += own;
    } else {
      batches.push([item]);
      bytes = own;
    }
  }
  return batches;
}

/** Makes each batch while the one before it is committed; returns what `commit` returned, in order. */
export async function commitInTurn<T, Made>(
  batches: readonly T[],
  {
    make,
    commit,
  }: {
    readonly make: (batch: T) => Promise<Made>;
    readonly commit: (made: Made) => Promise<string>;
  },
): Promise<string[]> {
  const committed: string[] = [];
  const [first, ...others] = batches;
  if (first === undefined) return committed;
  let next: Promise<Made> | undefined = make(first);
  for (let index = 0; next; index++) {
    const made: Made = await next;
    const following = others[index];
    next = following === undefined ? undefined : make(following);
    // Awaited in the next round; that it can fail before must not end the process in between.
    next?.catch(() => undefined);
    committed.push(await commit(made));
  }
  return committed;
}

/** As many threads as there are processors, each with a task at a time. */
export function fleetWorkers<Task, Answer>(entry: string): WorkerPool<Task, Answer> {
  return new WorkerPool({
    entry,
    maxWorkers: Math.min(availableParallelism(), MAX_WORKERS),
    maxQueued: MAX_BATCH_CLIENTS,
    idleMs: WORKER_IDLE_MS,
  });
}

/** The results in the order of `items`, with a bounded number under way. After a failure nothing more is begun. */
export async function inParallel<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) {
      if (failed) return;
      results[index] = await work(item).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: CONCURRENT_FILES }, worker));
  const refused = ends.find((end) => end.status === "rejected");
  if (refused) throw refused.reason;
  return results;
}

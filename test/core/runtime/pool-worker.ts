/** Entry of the worker threads in workers.test.ts. */
import { setTimeout as sleep } from "node:timers/promises";
import { resourceLimits } from "node:worker_threads";
import { VeilError } from "../../../core/errors.ts";
import { serveWorker } from "../../../core/runtime/workers.ts";

/** What a worker does before it answers. */
export interface PoolTask {
  readonly say: string;
  readonly waitMs?: number;
  readonly refuse?: true;
  /** Says how much its youngest objects may take, MB, instead. */
  readonly room?: true;
  /** Ends its thread instead of answering, and counts that: as often as `deaths` in `counter` say. */
  readonly die?: { readonly counter: Int32Array; readonly deaths: number };
}

serveWorker(async ({ say, waitMs = 0, refuse, room, die }: PoolTask): Promise<string> => {
  if (die && Atomics.add(die.counter, 0, 1) < die.deaths) process.exit(1);
  if (waitMs > 0) await sleep(waitMs);
  if (refuse) throw new VeilError("BAD_TOKEN", "refused");
  return room ? String(resourceLimits.maxYoungGenerationSizeMb) : say;
});

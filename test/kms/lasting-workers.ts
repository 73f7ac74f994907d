/**
 * Worker threads that live as long as the test file: to start two takes half a second of the processor, and every
 * `enrol --csv` and `rotate` would. That they end with the command is shown by the command line's own tests.
 */
import type { WorkerPool } from "../../core/runtime/workers.ts";

type Fleet = typeof import("../../kms/fleet.ts");

/** For `vi.mock("…/kms/fleet.ts")`. */
export function withLastingWorkers(fleet: Fleet): Fleet {
  const pools = new Map<string, WorkerPool<unknown, unknown>>();
  const fleetWorkers = ((entry) => {
    const pool = pools.get(entry) ?? fleet.fleetWorkers(entry);
    pools.set(entry, pool);
    return { run: (task: unknown) => pool.run(task), stop: async () => undefined };
  }) as Fleet["fleetWorkers"];
  return { ...fleet, fleetWorkers };
}

/** One fault from beginning to end, and how long it took until readings came through again. */
import { pause } from "../../core/runtime/backoff.ts";
import type { FaultKind } from "./faults.ts";
import type { Random } from "./random.ts";
import type { FaultRig } from "./rig.ts";

const RECOVERY_DEADLINE_MS = 240_000;

/** What became of a fault. */
export interface Outcome {
  readonly kind: string;
  readonly target: string;
  readonly heldMs: number;
  /**
   * From the moment it was put right (from its beginning, where nothing is) until readings that were written after
   * that have arrived from every device. What has to be started anew takes its start out of this time.
   */
  readonly recoveryMs: number;
}

/** Throws TIMEOUT where readings do not come through again within four minutes. */
export async function perform(
  rig: FaultRig,
  kind: FaultKind,
  { random, brief }: { random: Random; brief: boolean },
): Promise<Outcome> {
  const fault = kind.choose(rig, random);
  const heldMs = 1000 * (brief ? kind.briefS : random.between(...kind.holdS));
  await fault.outage?.outageBegins();
  let beganMs = performance.now();
  let written = rig.written();
  await fault.inject();
  await pause(heldMs, rig.signal);
  let healing: Promise<void> | undefined;
  if (fault.heal) {
    beganMs = performance.now();
    written = rig.written();
    healing = fault.heal();
  }
  const [recoveredMs] = await Promise.all([
    rig.arrival(written, RECOVERY_DEADLINE_MS).then(() => performance.now()),
    healing,
  ]);
  fault.outage?.outageEnds();
  const { target } = fault;
  return { kind: kind.name, target, heldMs, recoveryMs: recoveredMs - beganMs };
}

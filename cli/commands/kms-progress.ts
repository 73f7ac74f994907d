/** The progress of `kms` commands whose work is a second or an hour, by the size of the fleet. */
import { Progress } from "../../core/runtime/progress.ts";

/** Below this many the work is done before anybody wonders. */
const MIN_SHOWN = 1_000;

export interface FleetProgress {
  readonly onProgress: (progress: { readonly done: number; readonly of: number }) => void;
  /** Ends the bar's line. Call it also when the work has failed. */
  readonly stop: () => void;
}

export function fleetProgress(label: string, minShown = MIN_SHOWN): FleetProgress {
  let progress: Progress | undefined;
  return {
    onProgress: ({ done, of }) => {
      if (of < minShown) return;
      if (!progress) {
        progress = new Progress({ label, total: of, rate: true });
        progress.start();
      }
      progress.update(done);
    },
    stop: () => progress?.stop(),
  };
}

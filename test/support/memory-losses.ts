/** The topic of losses in memory: what one bridge writes, all hear of, and those that start later. */
import type { Loss } from "../../bridge/rekey/loss.ts";
import type { LossLog } from "../../bridge/rekey/rekeys.ts";

type Hear = (losses: readonly Loss[]) => void;

export class MemoryLosses {
  readonly written: Loss[] = [];
  readonly #bridges = new Set<Hear>();

  open(hear: Hear): LossLog {
    return {
      start: () => {
        this.#bridges.add(hear);
        hear(this.written);
      },
      record: (losses) => {
        this.written.push(...losses);
        for (const bridge of this.#bridges) bridge(losses);
      },
      stop: async () => {
        this.#bridges.delete(hear);
      },
    };
  }
}

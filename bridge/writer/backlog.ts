/** Every record that was accepted and is neither confirmed nor rejected: counted, and bounded. */
import { VeilError } from "../../core/errors.ts";
import type { WriterLimits } from "./limits.ts";
import { Entry, type Sender, type WriterRecord } from "./record.ts";

const HIGH = 0.5;
const LOW = 0.25;

export interface BacklogOptions {
  readonly limits: Pick<WriterLimits, "maxBytes" | "maxPerSession">;
  /** `true` from half of `maxBytes` on, `false` below a quarter. */
  readonly onPressure: (isHigh: boolean) => void;
}

export class Backlog {
  readonly #options: BacklogOptions;
  #size = 0;
  #bytes = 0;
  #isHigh = false;
  #onDrained: (() => void) | undefined;

  constructor(options: BacklogOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes a record in. `null` where it is settled already: DISCONNECTED for a broken sender, LIMIT where there is no
   * room, which breaks the sender, too.
   */
  add(record: WriterRecord): Entry | null {
    const { sender } = record;
    if (sender.isBroken) {
      record.onSettled(sessionEnded());
      return null;
    }
    const entry = new Entry(record, this.#onGone);
    const { maxBytes, maxPerSession } = this.#options.limits;
    if (sender.size >= maxPerSession || this.#bytes + entry.bytes > maxBytes) {
      sender.isBroken = true;
      record.onSettled(new VeilError("LIMIT", "too many records wait for Kafka"));
      return null;
    }
    sender.add(entry);
    this.#size += 1;
    this.#bytes += entry.bytes;
    this.#report();
    return entry;
  }

  /** Rejects all of a sender's records and all that will come; returns those that it had. */
  drop(sender: Sender): readonly Entry[] {
    sender.isBroken = true;
    return settleAll(sender.list(), sessionEnded());
  }

  /** Rejects a record with `error`, and as `drop` what was accepted of its sender after it. */
  reject(entry: Entry, error: VeilError): readonly Entry[] {
    const { sender } = entry.record;
    sender.isBroken = true;
    const later = sender.list(entry);
    entry.settle(error);
    return settleAll(later, sessionEnded());
  }

  /** Resolves when nothing is left. One caller at a time. */
  async drained(): Promise<void> {
    if (this.#size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve;
    });
  }

  readonly #onGone = ({ record, bytes }: Entry): void => {
    record.sender.settled();
    this.#size -= 1;
    this.#bytes -= bytes;
    this.#report();
    if (this.#size === 0) this.#onDrained?.();
  };

  #report(): void {
    const { limits, onPressure } = this.#options;
    const isHigh = this.#bytes > limits.maxBytes * (this.#isHigh ? LOW : HIGH);
    if (isHigh === this.#isHigh) return;
    this.#isHigh = isHigh;
    onPressure(isHigh);
  }
}

function settleAll(entries: readonly Entry[], error: VeilError): readonly Entry[] {
  for (const entry of entries) entry.settle(error);
  return entries;
}

function sessionEnded(): VeilError {
  return new VeilError("DISCONNECTED", "an earlier record of this session was not written");
}

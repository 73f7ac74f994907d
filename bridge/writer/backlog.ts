/** Every record that was accepted and is neither confirmed nor rejected: counted, and bounded. */
import { VeilError } from "../../core/errors.ts";
import type { WriterLimits } from "./limits.ts";
import type { Sender, WriterRecord } from "./record.ts";

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
   * Takes a record in. `false` where it is settled already: DISCONNECTED for a broken sender, LIMIT where there is no
   * room, which breaks the sender, too.
   */
  add(record: WriterRecord): boolean {
    const { sender, bytes } = record;
    if (sender.isBroken) {
      record.onSettled(sessionEnded());
      return false;
    }
    const { maxBytes, maxPerSession } = this.#options.limits;
    if (sender.size >= maxPerSession || this.#bytes + bytes > maxBytes) {
      sender.isBroken = true;
      record.onSettled(new VeilError("LIMIT", "too many records wait for Kafka"));
      return false;
    }
    sender.add(record);
    this.#size += 1;
    this.#bytes += bytes;
    this.#report();
    return true;
  }

  /** Without an error Kafka has it, acks=all. A second time it does nothing. */
  settle(record: WriterRecord, error?: VeilError): void {
    if (record.settled) return;
    record.settled = true;
    record.sender.settled();
    this.#size -= 1;
    this.#bytes -= record.bytes;
    this.#report();
    if (this.#size === 0) this.#onDrained?.();
    record.onSettled(error);
  }

  /** Rejects all of a sender's records and all that will come; returns those that it had. */
  drop(sender: Sender): readonly WriterRecord[] {
    sender.isBroken = true;
    return this.#rejectAll(sender.list());
  }

  /** Rejects a record with `error`, and as `drop` what was accepted of its sender after it. */
  reject(record: WriterRecord, error: VeilError): readonly WriterRecord[] {
    const { sender } = record;
    sender.isBroken = true;
    const later = sender.list(record);
    this.settle(record, error);
    return this.#rejectAll(later);
  }

  /** Resolves when nothing is left. One caller at a time. */
  async drained(): Promise<void> {
    if (this.#size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve;
    });
  }

  #rejectAll(records: readonly WriterRecord[]): readonly WriterRecord[] {
    for (const record of records) this.settle(record, sessionEnded());
    return records;
  }

  #report(): void {
    const { limits, onPressure } = this.#options;
    const isHigh = this.#bytes > limits.maxBytes * (this.#isHigh ? LOW : HIGH);
    if (isHigh === this.#isHigh) return;
    this.#isHigh = isHigh;
    onPressure(isHigh);
  }
}

function sessionEnded(): VeilError {
  return new VeilError("DISCONNECTED", "an earlier record of this session was not written");
}

/** Readings from a consumer to a program's own loop: nothing more is read before the loop has asked for it. */
import { VeilError } from "../../core/errors.ts";
import type { Reading } from "./reading.ts";
import type { ReadingSink } from "./reading-sink.ts";

export class Handover implements ReadingSink {
  #waiting: Reading[] = [];
  #taken = 0;
  /** The loop has a reading, and has not asked for another yet. */
  #isOut = false;
  #isOver = false;
  #wantsNoMore = false;
  /** Wakes the loop: there is a reading, or the end. */
  #wakeReader: () => void = () => undefined;
  /** Wakes the consumer: the loop is done with what it was given, or wants no more. */
  #wakeWriter: () => void = () => undefined;

  /** Of the readings written last. */
  get taken(): number {
    return this.#taken;
  }

  async open(): Promise<undefined> {
    return undefined;
  }

  /** Resolves when the loop has asked for a reading after these. Throws STOPPED if it wants no more before. */
  async write(readings: readonly Reading[]): Promise<void> {
    const done = new Promise<void>((resolve) => {
      this.#wakeWriter = resolve;
    });
    this.#waiting = [...readings];
    this.#taken = 0;
    this.#wakeReader();
    if (!this.#wantsNoMore) await done;
    if (this.#taken < readings.length) throw new VeilError("STOPPED", "the loop has ended");
  }

  async flush(): Promise<null> {
    return null;
  }

  async close(): Promise<void> {}

  /** The next reading, as soon as there is one; `null` after the end. The one before it is taken. */
  async next(): Promise<Reading | null> {
    if (this.#isOut) this.#taken += 1;
    this.#isOut = false;
    for (;;) {
      const reading = this.#wantsNoMore ? undefined : this.#waiting.shift();
      this.#isOut = reading !== undefined;
      if (reading) return reading;
      this.#wakeWriter();
      if (this.#isOver || this.#wantsNoMore) return null;
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }

  /** The consumer has ended: what was not taken yet is still given out. */
  end(): void {
    this.#isOver = true;
    this.#wakeReader();
  }

  /** The loop is to be given no more. What it has is taken if it still asks for another. */
  stop(): void {
    this.#wantsNoMore = true;
    if (!this.#isOut) this.#wakeWriter();
    this.#wakeReader();
  }

  /** The loop has gone: what it was given last counts as not taken. */
  leave(): void {
    this.#isOut = false;
    this.stop();
  }
}

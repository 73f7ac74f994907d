/** Readings from a consumer to a program's own loop: nothing more is read before the loop has asked for it. */
import { VeilError } from "../../core/errors.ts";
import type { Reading } from "./reading.ts";
import type { ReadingSink } from "./reading-sink.ts";

export class Handover implements ReadingSink {
  readonly #waiting: Reading[] = [];
  #over = false;
  /** Wakes the loop: there is a reading, or the end. */
  #wakeReader: () => void = () => undefined;
  /** Wakes the consumer: the loop is done with what it was given, or wants no more. */
  #wakeWriter: () => void = () => undefined;
  #gaveUp = false;

  async open(): Promise<undefined> {
    return undefined;
  }

  /** Resolves when the loop has asked for a reading after these. Throws STOPPED if it wants no more. */
  async write(readings: readonly Reading[]): Promise<void> {
    const taken = new Promise<void>((resolve) => {
      this.#wakeWriter = resolve;
    });
    this.#waiting.push(...readings);
    this.#wakeReader();
    if (!this.#gaveUp) await taken;
    if (this.#gaveUp) throw new VeilError("STOPPED", "the loop has ended");
  }

  async flush(): Promise<null> {
    return null;
  }

  async close(): Promise<void> {}

  /** The next reading, as soon as there is one; `null` after the end. */
  async next(): Promise<Reading | null> {
    for (;;) {
      const reading = this.#waiting.shift();
      if (reading) return reading;
      this.#wakeWriter();
      if (this.#over) return null;
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }

  /** The consumer has ended: what was not taken yet is still given out. */
  end(): void {
    this.#over = true;
    this.#wakeReader();
  }

  /** The loop wants no more: what it was given last counts as not taken. */
  giveUp(): void {
    this.#gaveUp = true;
    this.#wakeWriter();
  }
}

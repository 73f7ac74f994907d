/** The unsettled records of one session, in the order in which they were accepted. */
import type { Entry } from "./lane.ts";

/** Settled ones are cut off at the front only now and then: shifting one by one would move the whole list each time. */
const COMPACT_AT = 64;

export class SessionEntries {
  #entries: Entry[] = [];
  #head = 0;
  #unsettled = 0;

  /** Those that are not settled. */
  get size(): number {
    return this.#unsettled;
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
    this.#unsettled += 1;
  }

  /** One of them was settled. */
  settled(): void {
    this.#unsettled -= 1;
    while (this.#entries[this.#head]?.settled) this.#head += 1;
    if (this.#head < COMPACT_AT && this.#head < this.#entries.length) return;
    this.#entries.splice(0, this.#head);
    this.#head = 0;
  }

  /** A copy, from the oldest on; with `entry`, those that were accepted after it. */
  list(entry?: Entry): Entry[] {
    const from = entry ? this.#entries.indexOf(entry) + 1 : this.#head;
    return this.#entries.slice(from).filter(({ settled }) => !settled);
  }
}

/** How many a second, over the last whole seconds: a ring of counters, so its size does not depend on who asks. */

const OVER_S = 10;
const SECOND_MS = 1000;
/** The second that has begun is counted, and not looked at. */
const SLOTS = OVER_S + 1;

export class Rate {
  readonly #counts = new Uint32Array(SLOTS);
  /** The last second that was counted in. */
  #second = 0;

  add(count: number, nowMs: number): void {
    this.#turnTo(nowMs);
    const slot = this.#second % SLOTS;
    this.#counts[slot] = (this.#counts[slot] ?? 0) + count;
  }

  /** Over the last ten whole seconds. */
  perSecond(nowMs: number): number {
    this.#turnTo(nowMs);
    const begun = this.#counts[this.#second % SLOTS] ?? 0;
    return (this.#counts.reduce((sum, count) => sum + count, 0) - begun) / OVER_S;
  }

  /** Empties the counters of the seconds that have passed. A clock that goes back empties all. */
  #turnTo(nowMs: number): void {
    const second = Math.floor(nowMs / SECOND_MS);
    const passed = second - this.#second;
    if (passed < 0 || passed >= SLOTS) this.#counts.fill(0);
    else for (let n = 1; n <= passed; n += 1) this.#counts[(this.#second + n) % SLOTS] = 0;
    this.#second = second;
  }
}

/** Which of `total` readings, counted from 0, arrived: once, in order, or not. Takes a byte of memory for each. */
export class ArrivalOrder {
  readonly #times: Uint8Array;
  #highest = -1;
  #doubled = 0;
  #outOfOrder = 0;

  constructor(total: number) {
    this.#times = new Uint8Array(total);
  }

  /** Reading `n` has arrived. Throws RangeError for one that there is not. */
  arrived(n: number): void {
    const times = this.#times[n];
    if (times === undefined) throw new RangeError(`there is no reading ${n}`);
    if (times > 0) this.#doubled++;
    else if (n < this.#highest) this.#outOfOrder++;
    this.#times[n] = 1;
    this.#highest = Math.max(this.#highest, n);
  }

  get verdict(): { arrived: number; lost: number; doubled: number; outOfOrder: number } {
    const arrived = this.#times.reduce((sum, times) => sum + times, 0);
    const lost = this.#times.length - arrived;
    return { arrived, lost, doubled: this.#doubled, outOfOrder: this.#outOfOrder };
  }
}

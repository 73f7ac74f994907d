/** A token bucket that may go into debt: what has been read already cannot be refused, only paid for by waiting. */

/** A bucket holds what its rate gives in this time: so much may come at once after a rest. */
const BURST_S = 2;

export class Bucket {
  readonly #most: number;
  #tokens = Number.POSITIVE_INFINITY;
  #atMs = 0;

  /** `most` is what may come at once however high the rate is. */
  constructor(most = Number.POSITIVE_INFINITY) {
    this.#most = most;
  }

  /** Takes `cost` at a rate of `perSecond`; returns for how many milliseconds the bucket is in debt now. */
  take(cost: number, perSecond: number, nowMs: number): number {
    const refilled = this.#tokens + ((nowMs - this.#atMs) / 1000) * perSecond;
    this.#tokens = Math.min(perSecond * BURST_S, this.#most, refilled) - cost;
    this.#atMs = nowMs;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / perSecond) * 1000;
  }
}

/** Which readings arrived, of those that the simulated sensors wrote: once, in order, or not. */

/** How many readings went which way. */
export interface Count {
  received: number;
  lost: number;
  duplicates: number;
  outOfOrder: number;
}

export class Tally {
  /** By sensor: how often each count arrived, and the highest that did. */
  readonly #sensors = new Map<string, { arrivals: Map<number, number>; highest: number }>();
  #outOfOrder = 0;

  /** One reading has arrived at a consumer. Counts of a sensor begin at 1. */
  arrived(sensor: string, count: number): void {
    const seen = this.#sensors.get(sensor) ?? { arrivals: new Map<number, number>(), highest: 0 };
    this.#sensors.set(sensor, seen);
    const earlier = seen.arrivals.get(count) ?? 0;
    seen.arrivals.set(count, earlier + 1);
    if (earlier === 0 && count < seen.highest) this.#outOfOrder += 1;
    seen.highest = Math.max(seen.highest, count);
  }

  /** Whether this reading has arrived. */
  has(sensor: string, count: number): boolean {
    return this.#sensors.get(sensor)?.arrivals.has(count) ?? false;
  }

  /** Different readings that arrived so far. */
  get received(): number {
    let sum = 0;
    for (const { arrivals } of this.#sensors.values()) sum += arrivals.size;
    return sum;
  }

  /** Held against what the agents took: `taken` readings in all. */
  count(taken: number): Count {
    let all = 0;
    for (const { arrivals } of this.#sensors.values())
      for (const times of arrivals.values()) all += times;
    const received = this.received;
    return {
      received,
      lost: Math.max(0, taken - received),
      duplicates: all - received,
      outOfOrder: this.#outOfOrder,
    };
  }
}

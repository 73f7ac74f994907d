/** How far partitions have been delivered, and who waits for how far. It asks for levels, so no move is missed. */
interface Waiter {
  readonly topic: string;
  /** By partition: what is still to be reached. */
  readonly ends: Map<number, bigint>;
  readonly resolve: (isReached: boolean) => void;
}

export class Frontier {
  readonly #positions = new Map<string, Map<number, bigint>>();
  readonly #waiters = new Set<Waiter>();

  /** Everything of the partition before `offset` has been delivered or does not exist. */
  move(topic: string, partition: number, offset: bigint): void {
    const positions = this.#positions.get(topic) ?? new Map<number, bigint>();
    this.#positions.set(topic, positions.set(partition, offset));
    for (const waiter of this.#waiters) {
      if (waiter.topic !== topic) continue;
      reach(waiter.ends, partition, offset);
      if (waiter.ends.size === 0) this.#end(waiter, true);
    }
  }

  /** The topic is not delivered any more: nobody waits for it in vain. */
  remove(topic: string): void {
    this.#positions.delete(topic);
    for (const waiter of this.#waiters) if (waiter.topic === topic) this.#end(waiter, true);
  }

  /** Resolves when each partition of `ends` has been delivered up to there; `false` where `signal` aborts first. */
  async reached(
    topic: string,
    ends: ReadonlyMap<number, bigint>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const left = new Map(ends);
    for (const [partition, position] of this.#positions.get(topic) ?? [])
      reach(left, partition, position);
    if (left.size === 0) return true;
    if (signal.aborted) return false;
    let giveUp = (): void => undefined;
    try {
      return await new Promise<boolean>((resolve) => {
        const waiter = { topic, ends: left, resolve };
        this.#waiters.add(waiter);
        giveUp = () => this.#end(waiter, false);
        signal.addEventListener("abort", giveUp, { once: true });
      });
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  #end(waiter: Waiter, isReached: boolean): void {
    this.#waiters.delete(waiter);
    waiter.resolve(isReached);
  }
}

function reach(ends: Map<number, bigint>, partition: number, position: bigint): void {
  const end = ends.get(partition);
  if (end !== undefined && position >= end) ends.delete(partition);
}

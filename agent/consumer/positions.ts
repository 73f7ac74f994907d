/** How far a consumer has read, and how far it is behind: for progress and dashboards. */

/** One partition. */
export interface Position {
  readonly topic: string;
  readonly kafkaTopic: string;
  readonly partition: number;
  /** The next offset to read. */
  readonly offset: bigint;
  /** The offset after the partition's last record, as Kafka last said. */
  readonly end: bigint;
  /** When there was last nothing more to read, milliseconds since 1970; `undefined` before that. */
  readonly readToEndAtMs?: number;
}

export class Positions {
  readonly #all = new Map<string, Position>();

  /** Of every partition that is read. */
  list(): Position[] {
    return [...this.#all.values()];
  }

  begin(position: Position): void {
    this.#all.set(keyOf(position.kafkaTopic, position.partition), position);
  }

  /** The topic is not read any more. */
  drop(kafkaTopic: string): void {
    for (const [key, position] of this.#all)
      if (position.kafkaTopic === kafkaTopic) this.#all.delete(key);
  }

  /** Everything before `offset` is done. */
  moved(kafkaTopic: string, partition: number, offset: bigint): void {
    this.#change(kafkaTopic, partition, { offset });
  }

  /** Kafka has records up to `end`. */
  ends(kafkaTopic: string, partition: number, end: bigint): void {
    this.#change(kafkaTopic, partition, { end });
  }

  /** Everything that Kafka has was read by `atMs`. */
  readToEnd(kafkaTopic: string, partition: number, atMs: number): void {
    this.#change(kafkaTopic, partition, { readToEndAtMs: atMs });
  }

  /** When all that Kafka had of a topic, under all its names, was last read; `null` if that was never. */
  readToEndAtMs(topic: string): number | null {
    const times = this.list()
      .filter((position) => position.topic === topic)
      .map(({ readToEndAtMs }) => readToEndAtMs ?? Number.NEGATIVE_INFINITY);
    const first = Math.min(...times);
    return Number.isFinite(first) ? first : null;
  }

  #change(kafkaTopic: string, partition: number, change: Partial<Position>): void {
    const key = keyOf(kafkaTopic, partition);
    const known = this.#all.get(key);
    if (known) this.#all.set(key, { ...known, ...change });
  }
}

/** Records that Kafka has and that are not read yet. */
export function lagOf({ offset, end }: Pick<Position, "offset" | "end">): bigint {
  return end > offset ? end - offset : 0n;
}

function keyOf(kafkaTopic: string, partition: number): string {
  return `${kafkaTopic}/${partition}`;
}

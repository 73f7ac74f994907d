/**
 * What of a reading's times the page counts by: of what comes while it is read, our own clock when it came; of Kafka's
 * past, Kafka's clock when it took it. So two clocks are compared only where nothing else is known.
 */
import type { Position } from "../consumer/positions.ts";
import type { Reading } from "../consumer/reading.ts";

export class Past {
  /** By partition: the offset that follows what was there when reading began. */
  readonly #ends = new Map<string, bigint>();

  /** What is there of partitions that are new is their past. */
  note(positions: readonly Position[]): void {
    for (const position of positions) {
      const key = keyOf(position);
      if (!this.#ends.has(key)) this.#ends.set(key, position.end);
    }
  }

  /** Whether the place of this reading was noted. */
  knows(reading: Pick<Reading, "kafkaTopic" | "partition">): boolean {
    return this.#ends.has(keyOf(reading));
  }

  /** Whether it was in Kafka before reading began. */
  has(reading: Pick<Reading, "kafkaTopic" | "partition" | "offset">): boolean {
    return reading.offset < (this.#ends.get(keyOf(reading)) ?? 0n);
  }
}

function keyOf({ kafkaTopic, partition }: Pick<Reading, "kafkaTopic" | "partition">): string {
  return `${kafkaTopic}/${partition}`;
}

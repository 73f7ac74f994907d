/**
 * When all of Kafka is away, thousands of partitions fail at once. Those that failed more than once take turns, so
 * that trying again does not become the load that keeps Kafka down; a first retry is never held up by them.
 */
import type { Lane } from "./lane.ts";

export class RetrySlots {
  readonly #maxRunning: number;
  readonly #start: (lane: Lane) => void;
  readonly #running = new Set<Lane>();
  readonly #waiting = new Set<Lane>();

  constructor(maxRunning: number, start: (lane: Lane) => void) {
    this.#maxRunning = maxRunning;
    this.#start = start;
  }

  /** Starts the lane's retry now, or when it is its turn. */
  enter(lane: Lane): void {
    if (lane.attempts < 2) this.#start(lane);
    else {
      this.#waiting.add(lane);
      this.#next();
    }
  }

  /** The lane's retry has ended, or is not wanted any more. */
  leave(lane: Lane): void {
    this.#waiting.delete(lane);
    if (this.#running.delete(lane)) this.#next();
  }

  clear(): void {
    this.#waiting.clear();
  }

  #next(): void {
    for (const lane of this.#waiting) {
      if (this.#running.size >= this.#maxRunning) return;
      this.#waiting.delete(lane);
      this.#running.add(lane);
      this.#start(lane);
    }
  }
}

/**
 * The records of one Kafka partition on their way: a queue, at most one batch in flight, and what becomes of a batch
 * that failed. No I/O and no clock; the order of PROTOCOL.md §3 ("Order and repeats") is kept here.
 */
import type { VeilError } from "../../core/errors.ts";
import type { PartitionBatch } from "../../core/ports/kafka/producer.ts";
import type { WriterRecord } from "./record.ts";

export interface Taken {
  readonly batch: PartitionBatch;
  readonly bytes: number;
}

/** What to do with a lane after a failure. */
export type AfterFailure =
  | { readonly action: "retry" }
  /** Try again at once, record by record: one of several may be to blame. */
  | { readonly action: "part" }
  /** This record cannot be written. */
  | { readonly action: "reject"; readonly record: WriterRecord }
  /** Everything in the batch was dropped in the meantime. */
  | { readonly action: "none" };

export class Lane {
  readonly topic: string;
  readonly partition: number;
  /** Failures of the batch at the head since the last success. */
  attempts = 0;
  #queue: WriterRecord[] = [];
  #inFlight: WriterRecord[] = [];
  /** How many records from the head go one by one. */
  #singles = 0;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  get isBusy(): boolean {
    return this.#inFlight.length > 0;
  }

  get isEmpty(): boolean {
    return !this.isBusy && this.#queue.length === 0;
  }

  /** A copy of all that it holds. */
  get records(): WriterRecord[] {
    return [...this.#inFlight, ...this.#queue];
  }

  add(record: WriterRecord): void {
    this.#queue.push(record);
  }

  /** Takes the next batch into flight, `null` if nothing waits. Only while not busy. */
  take(limits: { readonly maxMessages: number; readonly maxBytes: number }): Taken | null {
    const maxMessages = this.#singles > 0 ? 1 : limits.maxMessages;
    let bytes = 0;
    let count = 0;
    for (const record of this.#queue) {
      if (count === maxMessages || (count > 0 && bytes + record.bytes > limits.maxBytes)) break;
      count += 1;
      bytes += record.bytes;
    }
    if (count === 0) return null;
    this.#inFlight = this.#queue.splice(0, count);
    const { topic, partition } = this;
    return { batch: { topic, partition, messages: this.#inFlight }, bytes };
  }

  /** Kafka has the batch: returns what is to be settled. */
  confirm(): readonly WriterRecord[] {
    this.#singles = Math.max(0, this.#singles - this.#inFlight.length);
    this.attempts = 0;
    return this.#land();
  }

  /**
   * Kafka did not confirm the batch, which does not mean that it has not written it. What is still wanted goes
   * back to the head, in its order; a record that is to blame alone is taken out.
   */
  fail(error: VeilError): AfterFailure {
    const wasAlone = this.#inFlight.length === 1;
    const wanted = this.#land();
    const [head] = wanted;
    if (!head) {
      this.attempts = 0;
      return { action: "none" };
    }
    if (error.retryable) {
      this.#queue.unshift(...wanted);
      this.attempts += 1;
      return { action: "retry" };
    }
    if (!wasAlone) {
      // One that was dropped meanwhile may be the one to blame, so also a last one left gets its own try.
      this.#queue.unshift(...wanted);
      this.#singles = wanted.length;
      return { action: "part" };
    }
    this.#singles = Math.max(0, this.#singles - 1);
    this.attempts = 0;
    return { action: "reject", record: head };
  }

  /** Takes out what was settled while it waited; in flight such records are passed over when they land. */
  sweep(): void {
    const kept = this.#queue.filter(({ settled }) => !settled);
    this.#singles = Math.min(this.#singles, kept.length);
    this.#queue = kept;
  }

  #land(): WriterRecord[] {
    const landed = this.#inFlight;
    this.#inFlight = [];
    return landed.filter(({ settled }) => !settled);
  }
}

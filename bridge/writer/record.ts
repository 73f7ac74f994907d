/**
 * A record on its way through the writer, and whose it is. One object is what the writer is given and what it keeps, and no table
 * is asked for it: there are a hundred thousand a second.
 */
import type { VeilError } from "../../core/errors.ts";
import { type ProducerMessage, RECORD_OVERHEAD_BYTES } from "../../core/ports/kafka/producer.ts";

/** One record for Kafka. Whoever waits for it extends it. */
export abstract class WriterRecord implements ProducerMessage {
  readonly key: Buffer;
  readonly value: Buffer;
  /** What it takes of a batch. */
  readonly bytes: number;
  /** The writer's: confirmed or rejected, also before it left. It is sent no more. */
  settled = false;
  /** The writer's: the next one of its sender. */
  later: WriterRecord | undefined;

  constructor(key: Buffer, value: Buffer) {
    this.key = key;
    this.value = value;
    this.bytes = key.length + value.length + RECORD_OVERHEAD_BYTES;
  }

  abstract get topic(): string;
  abstract get partition(): number;
  /** One for each session. */
  abstract get sender(): Sender;
  /** Told once what became of it: nothing, and Kafka has it with acks=all; or why not. */
  abstract onSettled(error?: VeilError): void;
}

/** Of one session: its records that are not settled, in the order in which they were accepted. Changed by the writer alone. */
export class Sender {
  /** One of its records was rejected, or its session has ended: nothing later of it may be written. */
  isBroken = false;
  #first: WriterRecord | undefined;
  #last: WriterRecord | undefined;
  #unsettled = 0;

  /** Those that are not settled. */
  get size(): number {
    return this.#unsettled;
  }

  add(record: WriterRecord): void {
    if (this.#last) this.#last.later = record;
    else this.#first = record;
    this.#last = record;
    this.#unsettled += 1;
  }

  /** One of them was settled. */
  settled(): void {
    this.#unsettled -= 1;
    for (let first = this.#first; first?.settled; first = this.#first) {
      this.#first = first.later;
      // One that is done must not keep the others from being collected.
      first.later = undefined;
    }
    if (this.#first === undefined) this.#last = undefined;
  }

  /** From the oldest on; with `record`, which is not settled, those that were accepted after it. */
  list(record?: WriterRecord): WriterRecord[] {
    const records: WriterRecord[] = [];
    for (let next = record ? record.later : this.#first; next; next = next.later)
      if (!next.settled) records.push(next);
    return records;
  }
}

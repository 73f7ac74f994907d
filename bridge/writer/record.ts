/**
 * A record on its way through the writer: what is given (WriterRecord), what is kept of it until it is settled (Entry), and whose
 * it is (Sender). One object is each of them, and no table is asked for it: there are a hundred thousand a second.
 */
import type { VeilError } from "../../core/errors.ts";
import { type ProducerMessage, RECORD_OVERHEAD_BYTES } from "../../core/ports/kafka/producer.ts";

/** One record for Kafka, and who waits for it. */
export interface WriterRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: Buffer;
  readonly value: Buffer;
  /** One for each session. */
  readonly sender: Sender;
  /** Told once what became of it: nothing, and Kafka has it with acks=all; or why not. */
  onSettled(error?: VeilError): void;
}

/** A record that the writer has accepted, until it is confirmed or rejected. */
export class Entry implements ProducerMessage {
  readonly record: WriterRecord;
  readonly key: Buffer;
  readonly value: Buffer;
  /** What it takes of a batch. */
  readonly bytes: number;
  /** Settled also before it left: its session ended. It is sent no more. */
  settled = false;
  /** The next one of its sender, which is its own. */
  later: Entry | undefined;
  readonly #onGone: (entry: Entry) => void;

  /** `onGone` hears before the record does. */
  constructor(record: WriterRecord, onGone: (entry: Entry) => void) {
    const { key, value } = record;
    this.record = record;
    this.key = key;
    this.value = value;
    this.bytes = key.length + value.length + RECORD_OVERHEAD_BYTES;
    this.#onGone = onGone;
  }

  /** `undefined`: Kafka has it, acks=all. A second time it does nothing. */
  settle(error?: VeilError): void {
    if (this.settled) return;
    this.settled = true;
    this.#onGone(this);
    this.record.onSettled(error);
  }
}

/** Of one session: its records that are not settled, in the order in which they were accepted. Changed by the writer alone. */
export class Sender {
  /** One of its records was rejected, or its session has ended: nothing later of it may be written. */
  isBroken = false;
  #first: Entry | undefined;
  #last: Entry | undefined;
  #unsettled = 0;

  /** Those that are not settled. */
  get size(): number {
    return this.#unsettled;
  }

  add(entry: Entry): void {
    if (this.#last) this.#last.later = entry;
    else this.#first = entry;
    this.#last = entry;
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

  /** From the oldest on; with `entry`, which is not settled, those that were accepted after it. */
  list(entry?: Entry): Entry[] {
    const entries: Entry[] = [];
    for (let next = entry ? entry.later : this.#first; next; next = next.later)
      if (!next.settled) entries.push(next);
    return entries;
  }
}

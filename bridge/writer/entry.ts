/** A record that the writer has accepted, until it is confirmed or rejected. */
import type { VeilError } from "../../core/errors.ts";
import { RECORD_OVERHEAD_BYTES } from "../../core/ports/kafka/producer.ts";
import type { Lane } from "./lane.ts";

/** Hears once what became of a record: nothing, and Kafka has it with acks=all; or why not. */
export type OnSettled = (error?: VeilError) => void;

export interface EntryOptions {
  readonly lane: Lane;
  readonly session: object;
  readonly key: Buffer;
  readonly value: Buffer;
}

export class Entry {
  readonly lane: Lane;
  readonly session: object;
  readonly key: Buffer;
  readonly value: Buffer;
  /** What it takes of a batch. */
  readonly bytes: number;
  /** Settled also before it left: its session ended. It is sent no more. */
  settled = false;
  readonly #onSettled: OnSettled;
  readonly #onGone: (entry: Entry) => void;

  /** `onGone` hears first. */
  constructor(
    { lane, session, key, value }: EntryOptions,
    onSettled: OnSettled,
    onGone: (entry: Entry) => void,
  ) {
    this.lane = lane;
    this.session = session;
    this.key = key;
    this.value = value;
    this.bytes = key.length + value.length + RECORD_OVERHEAD_BYTES;
    this.#onSettled = onSettled;
    this.#onGone = onGone;
  }

  /** `undefined`: Kafka has it, acks=all. A second time it does nothing. */
  settle(error?: VeilError): void {
    if (this.settled) return;
    this.settled = true;
    this.#onGone(this);
    this.#onSettled(error);
  }
}

/** What the writer is given. */
import type { VeilError } from "../../core/errors.ts";

/** One record for Kafka, and who waits for it: one object, since there are a hundred thousand a second. */
export interface WriterRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: Buffer;
  readonly value: Buffer;
  /** Any object that stands for whoever wants it written. */
  readonly session: object;
  /** Told once what became of it: nothing, and Kafka has it with acks=all; or why not. */
  onSettled(error?: VeilError): void;
}

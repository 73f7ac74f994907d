/** What a consumer gives out. */
import { momentOf } from "../../core/wire/clock.ts";
import type { SenmlPack } from "../../core/wire/senml.ts";

/** One opened record. */
export interface Reading {
  /** `kid:seq`, unique for the record; the kid as b64url. */
  readonly id: string;
  /** The topic's name, in clear: this is the consumer's side. */
  readonly topic: string;
  readonly producer: string;
  /** The device's clock, milliseconds since 1970. */
  readonly timeMs: number;
  /** Kafka's clock when it took the record, milliseconds since 1970. */
  readonly takenMs: number;
  readonly pack: SenmlPack;
  /** Where it lies in Kafka. */
  readonly kafkaTopic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** One record that could not be opened, by where it lies in Kafka and why. */
export interface Reject {
  readonly kafkaTopic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** A code of the fixed list and its sentence. */
  readonly code: string;
  readonly reason: string;
}

/** Records that a producer has sealed and that never came: its outbox was full, they were refused, or Kafka deleted them. */
export interface Gap {
  /** The first one behind the gap. */
  readonly before: Reading;
  readonly missing: bigint;
}

/** A reading as others get it, as JSON. */
export interface ReadingLine {
  readonly id: string;
  readonly topic: string;
  readonly producer: string;
  readonly time: number;
  /** The device's clock was not set, and no clock record has told yet how late it was. */
  readonly unsynced?: true;
  readonly pack: SenmlPack;
  readonly partition: number;
  readonly offset: number;
}

export function lineOf(reading: Reading): ReadingLine {
  const { id, topic, producer, timeMs, pack, partition, offset } = reading;
  const unsynced = momentOf(pack)?.isSet === false ? { unsynced: true as const } : {};
  const where = { partition, offset: Number(offset) };
  return { id, topic, producer, time: timeMs, ...unsynced, pack, ...where };
}

/** A reading as one line of NDJSON. */
export function encodeReading(reading: Reading): string {
  return `${JSON.stringify(lineOf(reading))}\n`;
}

/** A reject as one line of NDJSON. */
export function encodeReject({ kafkaTopic, partition, offset, code, reason }: Reject): string {
  const line = { topic: kafkaTopic, partition, offset: Number(offset), code, reason };
  return `${JSON.stringify(line)}\n`;
}

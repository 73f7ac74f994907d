/** What a consumer gives out. */
import { isUnsynced } from "../../core/wire/clock.ts";
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
  /** The pack as the device wrote it, where it may stand in a line as it is. */
  readonly json?: string | undefined;
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
  const unsynced = isUnsynced(pack) ? { unsynced: true as const } : {};
  const where = { partition, offset: Number(offset) };
  return { id, topic, producer, time: timeMs, ...unsynced, pack, ...where };
}

/** A reading as one line of NDJSON: {@link lineOf} as JSON, put together by hand where the pack's JSON is at hand. */
export function encodeReading(reading: Reading): string {
  const { id, topic, producer, timeMs, pack, json, partition, offset } = reading;
  if (json === undefined) return `${JSON.stringify(lineOf(reading))}\n`;
  const from = `{"id":"${id}","topic":${JSON.stringify(topic)},"producer":"${producer}"`;
  const unsynced = isUnsynced(pack) ? ',"unsynced":true' : "";
  return `${from},"time":${timeMs}${unsynced},"pack":${json},"partition":${partition},"offset":${offset}}\n`;
}

/** A reject as one line of NDJSON. */
export function encodeReject({ kafkaTopic, partition, offset, code, reason }: Reject): string {
  const line = { topic: kafkaTopic, partition, offset: Number(offset), code, reason };
  return `${JSON.stringify(line)}\n`;
}

/** From Kafka messages to readings: repeats dropped, keys fetched together, each record opened or refused. */
import { isVeilError, VeilError } from "../../core/errors.ts";
import type { FeedBatch } from "../../core/ports/kafka/feed.ts";
import type { KafkaMessage } from "../../core/ports/kafka/record-batch.ts";
import { Backoff } from "../../core/runtime/backoff.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { type RecordParts, recordId, splitRecord } from "../../core/scheme/record/header.ts";
import { openSplit } from "../../core/scheme/record/open.ts";
import { parsePack } from "../../core/wire/senml.ts";
import type { HeldKey, KeyRing } from "./key-ring.ts";
import type { Marks, Position } from "./marks.ts";
import type { Gap, Reading, Reject } from "./reading.ts";

const RETRY = { minMs: 200, maxMs: 10_000 };

export interface Opened {
  readonly readings: Reading[];
  readonly rejects: Reject[];
  readonly gaps: Gap[];
  /** Records that had been read before. */
  readonly repeats: number;
}

export interface OpenerOptions {
  readonly topic: string;
  readonly keys: KeyRing;
  /**
   * Where the topic's name is of an epoch: a record of an older one waited in an outbox until that one's names had ended.
   * It may have reached the older name, too, without its PUBACK reaching the device.
   */
  readonly carried?: {
    readonly epoch: number;
    /** Whether it was read from an older name. */
    readonly hasRead: (position: Position) => boolean;
  };
  readonly log: Logger;
}

/** A message that is a record, by its header. */
interface Candidate {
  readonly message: KafkaMessage;
  readonly parts: RecordParts;
  readonly position: Position;
}

export class Opener {
  readonly #options: OpenerOptions;

  constructor(options: OpenerOptions) {
    this.#options = options;
  }

  /** The topic's name, in clear. */
  get topic(): string {
    return this.#options.topic;
  }

  /** Opens a batch and moves `marks` past it. Waits for as long as the bridge is away; STOPPED if `signal` aborts. */
  async open(batch: FeedBatch, marks: Marks, signal: AbortSignal): Promise<Opened> {
    const opened: Opened & { repeats: number } = {
      readings: [],
      rejects: [],
      gaps: [],
      repeats: 0,
    };
    const reject = (message: KafkaMessage, error: VeilError): void => {
      const where = { kafkaTopic: batch.topic, partition: batch.partition, offset: message.offset };
      opened.rejects.push({ ...where, code: error.code, reason: error.message });
    };
    const candidates: Candidate[] = [];
    for (const message of batch.messages)
      attempt(
        () => candidates.push(readHeader(message)),
        (error) => reject(message, error),
      );
    const keys = await this.#keysOf(
      candidates.filter((candidate) => !this.#isRepeat(candidate, marks)),
      signal,
    );
    for (const candidate of candidates) {
      const { position, message } = candidate;
      if (this.#isRepeat(candidate, marks)) {
        opened.repeats += 1;
        continue;
      }
      attempt(
        () => {
          const reading = this.#open(candidate, batch, keys.get(position.kid));
          opened.readings.push(reading);
          // Only what opens moves the marks: a forged header must not hide a true record behind it.
          const missing = marks.advance(position, message.timestampMs);
          if (missing > 0n) opened.gaps.push({ before: reading, missing });
        },
        (error) => reject(message, error),
      );
    }
    return opened;
  }

  #isRepeat({ position, parts }: Candidate, marks: Marks): boolean {
    const { carried } = this.#options;
    if (marks.isRepeat(position)) return true;
    return (
      carried !== undefined && parts.header.epoch !== carried.epoch && carried.hasRead(position)
    );
  }

  async #keysOf(
    candidates: readonly Candidate[],
    signal: AbortSignal,
  ): Promise<Map<string, HeldKey | VeilError>> {
    const { keys, log } = this.#options;
    const kids = new Set(candidates.map(({ position }) => position.kid));
    const backoff = new Backoff(RETRY);
    for (;;) {
      try {
        return await keys.get(kids);
      } catch (error) {
        if (!isVeilError(error) || !error.retryable) throw error;
        log.warn({ err: error }, "cannot ask the bridge for keys; trying again");
        if (!(await backoff.wait(signal)))
          throw new VeilError("STOPPED", "stopped", { cause: error });
      }
    }
  }

  #open(candidate: Candidate, batch: FeedBatch, key: HeldKey | VeilError | undefined): Reading {
    const { topic } = this.#options;
    const { parts, message } = candidate;
    const { header } = parts;
    if (key === undefined) throw new VeilError("BAD_KEY", "the record's kid has no key");
    if (key instanceof VeilError) throw key;
    const plaintext = openSplit(parts, {
      key: key.byAead[header.aead],
      producerKey: key.producerKey,
      signs: key.signs,
    });
    return {
      id: recordId(header),
      topic,
      producer: key.producerId,
      timeMs: header.timeMs,
      takenMs: message.timestampMs,
      pack: parsePack(plaintext),
      kafkaTopic: batch.topic,
      partition: batch.partition,
      offset: message.offset,
    };
  }
}

/** The record in a Kafka message, by its header alone. Throws BAD_RECORD. */
function readHeader(message: KafkaMessage): Candidate {
  const { key, value } = message;
  if (!key || !value) throw new VeilError("BAD_RECORD", "the Kafka message has no key or no value");
  const parts = splitRecord(value);
  const { header } = parts;
  const position = {
    producer: key.toString("hex"),
    kid: header.kid.toString("hex"),
    seq: header.seq,
  };
  return { message, parts, position };
}

/** Moves `marks` past a batch by its headers alone: for what was read before, without a checkpoint of it. */
export function observeHeaders(batch: FeedBatch, marks: Marks): void {
  for (const message of batch.messages)
    attempt(
      () => {
        const { position } = readHeader(message);
        if (!marks.isRepeat(position)) marks.advance(position, message.timestampMs);
      },
      // What is no record was rejected when it was read.
      () => undefined,
    );
}

/** Runs `work`; a VeilError is handed on, anything else is a fault of ours and thrown. */
function attempt(work: () => void, refused: (error: VeilError) => void): void {
  try {
    work();
  } catch (error) {
    if (!isVeilError(error)) throw error;
    refused(error);
  }
}

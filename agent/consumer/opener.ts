/** From Kafka messages to readings: repeats dropped, keys fetched together, each record opened or refused. */
import { isVeilError, VeilError } from "../../core/errors.ts";
import type { FeedBatch } from "../../core/ports/kafka/feed.ts";
import type { KafkaMessage } from "../../core/ports/kafka/record-batch.ts";
import { Backoff } from "../../core/runtime/backoff.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { RecordParts } from "../../core/scheme/record/header.ts";
import { type Opening, openSplit } from "../../core/scheme/record/open.ts";
import { parsePack } from "../../core/wire/senml.ts";
import { type Candidate, HeaderReader } from "./candidate.ts";
import type { HeldKey, KeyRing } from "./key-ring.ts";
import type { Marks, Position } from "./marks.ts";
import type { Gap, Reading, Reject } from "./reading.ts";
import { RECORDS_PER_TASK, type UnsealThreads } from "./unseal-threads.ts";

const NOTHING: Portion["unsealed"] = Promise.resolve([]);
const RETRY = { minMs: 200, maxMs: 10_000 };

export interface Opened {
  readonly readings: Reading[];
  /** Of each reading its place in its producer's stream. */
  readonly places: Candidate[];
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
  /** Open records; without them, it is done here. */
  readonly threads?: Pick<UnsealThreads, "open"> | null;
  readonly log: Logger;
}

/** Some of a batch. */
interface Portion {
  readonly candidates: readonly Candidate[];
  /** What threads made of each; nothing of one that is to be opened here. */
  readonly unsealed: Promise<readonly (Buffer | VeilError | null)[]>;
}

/** A batch whose keys are here. */
export interface Prepared {
  readonly batch: FeedBatch;
  readonly portions: readonly Portion[];
  /** What is no record. */
  readonly rejects: readonly Reject[];
  /** By kid, of all that was no repeat. */
  readonly keys: ReadonlyMap<string, HeldKey | VeilError>;
}

export class Opener {
  readonly #options: OpenerOptions;
  readonly #headers = new HeaderReader();

  constructor(options: OpenerOptions) {
    this.#options = options;
  }

  /** The topic's name, in clear. */
  get topic(): string {
    return this.#options.topic;
  }

  /** Fetches a batch's keys. Waits for as long as the bridge is away; STOPPED if `signal` aborts. */
  async prepare(batch: FeedBatch, marks: Marks, signal: AbortSignal): Promise<Prepared> {
    const candidates: Candidate[] = [];
    const rejects: Reject[] = [];
    const kids = new Set<string>();
    for (const message of batch.messages)
      try {
        const candidate = this.#headers.read(message);
        candidates.push(candidate);
        if (!this.#isRepeat(candidate, marks)) kids.add(candidate.kid);
      } catch (error) {
        rejects.push(rejectOf(batch, message, error));
      }
    const keys = await this.#keysOf(kids, signal);
    return { batch, portions: this.#portionsOf(candidates, keys), rejects, keys };
  }

  /** Opens a batch and moves `marks` past it. */
  async open({ batch, portions, rejects, keys }: Prepared, marks: Marks): Promise<Opened> {
    const opened: Opened & { repeats: number } = {
      readings: [],
      places: [],
      rejects: [...rejects],
      gaps: [],
      repeats: 0,
    };
    for (const { candidates, unsealed } of portions) {
      const plaintexts = await unsealed;
      for (const [n, candidate] of candidates.entries()) {
        if (this.#isRepeat(candidate, marks)) {
          opened.repeats += 1;
          continue;
        }
        try {
          const reading = this.#open(candidate, batch, keys.get(candidate.kid), plaintexts[n]);
          opened.readings.push(reading);
          opened.places.push(candidate);
          // Only what opens moves the marks: a forged header must not hide a true record behind it.
          const missing = marks.advance(candidate);
          if (missing > 0n) opened.gaps.push({ before: reading, missing });
        } catch (error) {
          opened.rejects.push(rejectOf(batch, candidate.message, error));
        }
      }
    }
    return opened;
  }

  /** Where there are threads, in as many portions as they take, and on its way to them; else in one. */
  #portionsOf(
    candidates: readonly Candidate[],
    keys: ReadonlyMap<string, HeldKey | VeilError>,
  ): Portion[] {
    const { threads } = this.#options;
    if (!threads) return [{ candidates, unsealed: NOTHING }];
    const portions: Portion[] = [];
    for (let n = 0; n < candidates.length; n += RECORDS_PER_TASK) {
      const some = candidates.slice(n, n + RECORDS_PER_TASK);
      const sealed = some.map(({ kid, parts }) => {
        const key = keys.get(kid);
        return key === undefined || key instanceof VeilError
          ? null
          : { record: parts.record, opening: openingOf(key, parts) };
      });
      const unsealed = threads.open(sealed).catch((error: unknown) => {
        // The thread has ended: then they are opened here.
        if (isVeilError(error, "UNAVAILABLE")) return [];
        throw error;
      });
      // Awaited when it is its turn.
      unsealed.catch(() => undefined);
      portions.push({ candidates: some, unsealed });
    }
    return portions;
  }

  #isRepeat(candidate: Candidate, marks: Marks): boolean {
    const { carried } = this.#options;
    if (marks.isRepeat(candidate)) return true;
    if (carried === undefined || candidate.parts.header.epoch === carried.epoch) return false;
    return carried.hasRead(candidate);
  }

  async #keysOf(
    kids: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<Map<string, HeldKey | VeilError>> {
    const { keys, log } = this.#options;
    const backoff = new Backoff(RETRY);
    for (;;) {
      try {
        return await keys.get(kids);
      } catch (error) {
        if (!mayPass(error)) throw error;
        log.warn({ err: error }, "cannot get the keys of records; trying again");
        if (!(await backoff.wait(signal)))
          throw new VeilError("STOPPED", "stopped", { cause: error });
      }
    }
  }

  #open(
    { parts, message, kidText }: Candidate,
    batch: FeedBatch,
    key: HeldKey | VeilError | undefined,
    unsealed: Buffer | VeilError | null | undefined,
  ): Reading {
    const { header } = parts;
    if (key === undefined) throw new VeilError("BAD_KEY", "the record's kid has no key");
    if (key instanceof VeilError) throw key;
    const plaintext = unsealed ?? openSplit(parts, openingOf(key, parts));
    if (plaintext instanceof VeilError) throw plaintext;
    const { pack, json } = parsePack(plaintext);
    return {
      id: `${kidText}:${header.seq}`,
      topic: this.#options.topic,
      producer: key.producerId,
      timeMs: header.timeMs,
      takenMs: message.timestampMs,
      pack,
      json,
      kafkaTopic: batch.topic,
      partition: batch.partition,
      offset: message.offset,
    };
  }
}

function openingOf({ byAead, producerKey, signs }: HeldKey, { header }: RecordParts): Opening {
  return { key: byAead[header.aead], producerKey, signs };
}

/** Of what was thrown for keys: a bridge that is behind with epochs, and a fault in one, or in a thread, pass, too. */
function mayPass(error: unknown): error is VeilError {
  if (!isVeilError(error)) return false;
  return error.retryable || error.code === "EPOCH" || error.code === "INTERNAL";
}

/** Anything but a VeilError is a fault of ours and thrown. */
function rejectOf(
  { topic, partition }: FeedBatch,
  { offset }: KafkaMessage,
  error: unknown,
): Reject {
  if (!isVeilError(error)) throw error;
  return { kafkaTopic: topic, partition, offset, code: error.code, reason: error.message };
}

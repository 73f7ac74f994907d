/**
 * What the feed hands over, from the batch to the checkpoint (PROTOCOL.md §3, "Order and repeats"): opened, written
 * out, and only then counted as read. One thing after the other, so that marks, offsets and output never disagree.
 */
import { VeilError } from "../../core/errors.ts";
import type { StartQuestion } from "../../core/ports/kafka/consumer.ts";
import type { FeedBatch } from "../../core/ports/kafka/feed.ts";
import type { OffsetLost } from "../../core/ports/kafka/track.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { Marks } from "./marks.ts";
import { type Opened, type Opener, observeHeaders } from "./opener.ts";
import type { Progress } from "./progress.ts";
import { encodeReading, encodeReject } from "./reading.ts";
import type { LineSink } from "./sinks.ts";

/** What a consumer did since it started. */
export interface ConsumerCounts {
  readings: number;
  rejects: number;
  repeats: number;
  /** Offsets that Kafka had deleted before they were read. */
  gone: bigint;
}

/** Part of a partition, from its first offset to `end`. */
export interface ScanRange {
  readonly topic: string;
  readonly partition: number;
  readonly end: bigint;
  readonly onBatch: (batch: FeedBatch) => Promise<void>;
}

export interface ReceiverOptions {
  readonly progress: Progress;
  readonly output: LineSink;
  /** Takes what cannot be opened; without it, that is counted and logged only. */
  readonly rejects: LineSink | null;
  /** Hands over what of a partition was read before. */
  readonly scan: (range: ScanRange) => Promise<void>;
  readonly log: Logger;
  /** Aborts when nothing more is to be read. */
  readonly signal: AbortSignal;
}

export class Receiver {
  readonly counts: ConsumerCounts = { readings: 0, rejects: 0, repeats: 0, gone: 0n };
  readonly #options: ReceiverOptions;
  readonly #openers = new Map<string, Opener>();
  /** The tail of the queue that everything goes through. */
  #tail: Promise<void> = Promise.resolve();

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  /** Before the first batch of `kafkaTopic`. */
  addTopic(kafkaTopic: string, opener: Opener): void {
    this.#openers.set(kafkaTopic, opener);
  }

  /** Where to begin: the checkpoint; else Kafka's committed offset, with marks from a scan up to it; else the first. */
  async startAt({ topic, partition, low, committed }: StartQuestion): Promise<bigint> {
    const { progress, scan, log } = this.#options;
    const known = progress.find(topic, partition);
    if (known) return known.offset;
    if (committed === undefined || committed <= low)
      return progress.begin(topic, partition, low).offset;
    log.info({ partition }, "no checkpoint: scanning what was read before");
    const marks = new Marks();
    const onBatch = async (batch: FeedBatch): Promise<void> => observeHeaders(batch, marks);
    await scan({ topic, partition, end: committed, onBatch });
    return progress.begin(topic, partition, committed, marks).offset;
  }

  /** Opens a batch and writes it out. Throws what the output does, and STOPPED where the keys cannot be had in time. */
  async take(batch: FeedBatch): Promise<void> {
    await this.#inTurn(() => this.#take(batch));
  }

  /** Kafka has deleted what was to be read next. */
  async skip(loss: OffsetLost): Promise<void> {
    await this.#inTurn(async () => this.#skip(loss));
  }

  /** Saves where it stands, if there is something to save and it is time. */
  async saveIfDue(): Promise<void> {
    await this.#inTurn(() => this.#options.progress.saveIfDue());
  }

  async #take(batch: FeedBatch): Promise<void> {
    const { progress, output, signal } = this.#options;
    const opener = this.#openers.get(batch.topic);
    const state = progress.find(batch.topic, batch.partition);
    if (!opener || !state) throw new VeilError("INTERNAL", "a batch of a partition nobody reads");
    const opened = await opener.open(batch, state.marks, signal);
    if (opened.readings.length > 0) await output.write(opened.readings.map(encodeReading).join(""));
    if (opened.rejects.length > 0) await this.#reject(batch, opened);
    this.counts.readings += opened.readings.length;
    this.counts.rejects += opened.rejects.length;
    this.counts.repeats += opened.repeats;
    const last = batch.messages.at(-1);
    if (last) progress.moveTo(state, last.offset + 1n);
    await progress.saveIfDue();
  }

  async #reject({ partition }: FeedBatch, { rejects }: Opened): Promise<void> {
    await this.#options.rejects?.write(rejects.map(encodeReject).join(""));
    const { code, reason, offset } = rejects[0] ?? {};
    this.#options.log.warn(
      { partition, offset: Number(offset), code, reason, rejects: rejects.length },
      "records could not be opened",
    );
  }

  #skip({ topic, partition, wanted, low, lost }: OffsetLost): void {
    const { progress, log } = this.#options;
    log.error(
      { partition, wanted: Number(wanted), low: Number(low), lost: Number(lost) },
      "Kafka has deleted records that were not read yet",
    );
    this.counts.gone += lost;
    const state = progress.find(topic, partition);
    if (state) progress.moveTo(state, low);
  }

  /**
   * One after the other, and nothing after a failure: what was opened and not written has moved the marks, and no
   * checkpoint may hold them.
   */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    this.#tail = this.#tail.then(work);
    await this.#tail;
  }
}

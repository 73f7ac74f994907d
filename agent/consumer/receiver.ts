/**
 * What the feed hands over, from the batch to the checkpoint (PROTOCOL.md §3, "Order and repeats"): opened, written
 * out, and only then counted as read. One thing after the other, so that marks, offsets and output never disagree.
 */
import { isVeilError, VeilError } from "../../core/errors.ts";
import type { StartQuestion } from "../../core/ports/kafka/consumer.ts";
import type { FeedBatch } from "../../core/ports/kafka/feed.ts";
import type { OffsetLost } from "../../core/ports/kafka/track.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { observeHeaders } from "./candidate.ts";
import type { PartitionState } from "./checkpoint.ts";
import { Clocks } from "./clocks.ts";
import { Marks } from "./marks.ts";
import type { Opened, Opener, Prepared } from "./opener.ts";
import { lagOf, Positions } from "./positions.ts";
import type { Progress } from "./progress.ts";
import { type From, firstOffset, type Until } from "./range.ts";
import { encodeReject, type Gap, type Reading } from "./reading.ts";
import type { ReadingSink } from "./reading-sink.ts";
import type { LineSink } from "./sinks.ts";

/** Of each partition, before where reading begins: a repeat follows its original closely, and all may be gigabytes. */
const MAX_SCANNED_RECORDS = 200_000;
const DELETED = "Kafka has deleted records that were not read yet";

/** What a consumer did since it started. */
export interface ConsumerCounts {
  readings: number;
  rejects: number;
  repeats: number;
  /** Offsets that Kafka had deleted before they were read. */
  gone: bigint;
}

/** Told of what happens, as it happens. */
export interface ConsumerObserver {
  /** The output has them. */
  readonly onReadings?: (readings: readonly Reading[]) => void;
  /** So many records of a topic could not be opened. */
  readonly onRejects?: (topic: string, count: number) => void;
  readonly onGap?: (gap: Gap) => void;
  /** Kafka has deleted records that were not read yet. */
  readonly onDeleted?: (loss: { readonly topic: string; readonly lost: bigint }) => void;
}

/** Part of a partition, from `first` up to `end`. */
export interface ScanRange {
  readonly topic: string;
  readonly partition: number;
  readonly first: bigint;
  readonly end: bigint;
  readonly onBatch: (batch: FeedBatch) => Promise<void>;
}

export interface ReceiverOptions {
  readonly progress: Progress;
  /** What is known of devices' clocks; without it, only what this run learns. */
  readonly clocks?: Clocks;
  readonly output: ReadingSink;
  /** Takes what cannot be opened; without it, that is counted and logged only. */
  readonly rejects: LineSink | null;
  /** Where reading begins; `checkpoint` unless given. */
  readonly from?: From;
  readonly until?: Until | null;
  readonly observer?: ConsumerObserver;
  /** Hands over what of a partition was read before, or is passed over. */
  readonly scan: (range: ScanRange) => Promise<void>;
  /** How many records of a partition are scanned at most, the newest. Default 200,000. */
  readonly maxScannedRecords?: number;
  /** No key of a Kafka topic is released any more: whether the rest is read without it. Otherwise that ends everything. */
  readonly giveUp: (kafkaTopic: string, error: VeilError) => boolean;
  /** Kafka does not know a topic that is read, when its end is asked for. Resolves when it does again, or it is lost. */
  readonly onUnknown?: (kafkaTopic: string) => Promise<void>;
  readonly log: Logger;
  /** Aborts when nothing more is to be read. */
  readonly signal: AbortSignal;
}

/** One Kafka topic that is read. */
interface Source {
  readonly opener: Opener;
  readonly isNew: boolean;
}

export class Receiver {
  readonly counts: ConsumerCounts = { readings: 0, rejects: 0, repeats: 0, gone: 0n };
  readonly positions = new Positions();
  readonly #options: ReceiverOptions;
  readonly #clocks: Clocks;
  readonly #sources = new Map<string, Source>();
  /** The tail of the queue that everything goes through. */
  #tail: Promise<void> = Promise.resolve();

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#clocks = options.clocks ?? new Clocks({ stateDir: null });
  }

  /** Before the first batch of `kafkaTopic`. `isNew`: it was not there when the consumer began. */
  addTopic(kafkaTopic: string, opener: Opener, { isNew = false } = {}): void {
    this.#sources.set(kafkaTopic, { opener, isNew });
  }

  /** Where to begin, as `from` says. Throws what is retryable. */
  async startAt(question: StartQuestion): Promise<bigint> {
    const { topic: kafkaTopic, partition, high: end, offsetAt } = question;
    const source = this.#sources.get(kafkaTopic);
    const { topic } = source?.opener ?? { topic: "" };
    const { from = "checkpoint", until } = this.#options;
    const offset =
      from === "checkpoint"
        ? this.#resumption(question)
        : await firstOffset(from, question, source?.isNew === true);
    await this.#beginAt(offset, question);
    this.positions.begin({ topic, kafkaTopic, partition, offset, end });
    until?.begin(`${kafkaTopic}/${partition}`, offset, this.#lookingFor(kafkaTopic, offsetAt));
    return offset;
  }

  /** Opens a batch and writes it out. Throws what the output does, and STOPPED where the keys cannot be had in time. */
  async take(batch: FeedBatch): Promise<void> {
    const { topic, partition, highWatermark } = batch;
    this.positions.ends(topic, partition, highWatermark);
    const prepared = await this.#prepare(batch);
    if (prepared) await this.#inTurn(() => this.#take(prepared));
  }

  /** Everything of a partition before `offset` has been handed over, or does not exist. */
  moved(kafkaTopic: string, partition: number, offset: bigint): void {
    this.positions.moved(kafkaTopic, partition, offset);
    this.#options.until?.moved(`${kafkaTopic}/${partition}`, offset);
  }

  /** Nothing more of `kafkaTopic` is read: nobody waits for its end. */
  dropTopic(kafkaTopic: string): void {
    for (const { kafkaTopic: name, partition } of this.positions.list())
      if (name === kafkaTopic) this.#options.until?.drop(`${name}/${partition}`);
    this.positions.drop(kafkaTopic);
  }

  /** Kafka has deleted all of `kafkaTopic`: what was not read of it is gone, as far as Kafka has told of it. */
  loseTopic(kafkaTopic: string): void {
    for (const position of this.positions.list()) {
      const { topic, partition } = position;
      const lost = lagOf(position);
      if (position.kafkaTopic !== kafkaTopic || lost === 0n) continue;
      this.#options.log.error({ partition, lost: Number(lost) }, DELETED);
      this.#countGone(topic, lost);
    }
    this.dropTopic(kafkaTopic);
  }

  /** Kafka has deleted what was to be read next. */
  async skip(loss: OffsetLost): Promise<void> {
    await this.#inTurn(async () => this.#skip(loss));
  }

  /** Saves where it stands, if there is something to save and it is time. */
  async saveIfDue(): Promise<void> {
    await this.#inTurn(() => this.#options.progress.saveIfDue());
  }

  /** At the end: saves where it stands. */
  async finish(): Promise<void> {
    await this.#options.progress.save();
  }

  /** The checkpoint; else Kafka's committed offset; else the first. */
  #resumption({ topic, partition, low, committed = low }: StartQuestion): bigint {
    const known = this.#options.progress.find(topic, partition);
    return known?.offset ?? (committed > low ? committed : low);
  }

  /**
   * Begins a partition at `offset`. Its marks are the checkpoint's, unless that lies behind it, and go on over what is between
   * the two, or the newest of it, by its headers: what was read, or passed over, is a repeat when it comes again.
   */
  async #beginAt(offset: bigint, { topic, partition, low }: StartQuestion): Promise<void> {
    const { progress, scan, maxScannedRecords = MAX_SCANNED_RECORDS, log } = this.#options;
    const known = progress.find(topic, partition);
    const [unread, base] =
      known && known.offset <= offset ? [known.offset, known.marks] : [low, new Marks()];
    const newest = offset - BigInt(maxScannedRecords);
    const first = unread > newest ? unread : newest;
    // A scan that is cut off must leave the checkpoint as it was.
    const marks = base.trial();
    if (first < offset && progress.isKept) {
      log.info(
        { partition, first: Number(first), end: Number(offset) },
        "scanning what is not read",
      );
      const onBatch = async (batch: FeedBatch): Promise<void> => observeHeaders(batch, marks);
      await scan({ topic, partition, first, end: offset, onBatch });
    }
    marks.keep();
    progress.begin(topic, partition, offset, base);
  }

  /**
   * With its keys, which may take as long as the bridge is away: other topics are not kept waiting. `null`: no key of it is
   * released any more, and marks and offset stay.
   */
  async #prepare(batch: FeedBatch): Promise<Prepared | null> {
    const { until, giveUp, signal } = this.#options;
    const { opener, state } = this.#partition(batch);
    const messages = until?.cut(batch.messages) ?? batch.messages;
    try {
      return await opener.prepare({ ...batch, messages }, state.marks, signal);
    } catch (error) {
      if (isVeilError(error, "NOT_FOUND") && giveUp(batch.topic, error)) return null;
      throw error;
    }
  }

  async #take(prepared: Prepared): Promise<void> {
    const { progress, observer } = this.#options;
    const { batch } = prepared;
    const { opener, state } = this.#partition(batch);
    const marks = state.marks.trial();
    const opened = await opener.open(prepared, marks);
    const readings = await this.#write(opened, state);
    if (opened.rejects.length > 0) await this.#reject(batch, opened);
    marks.keep();
    this.#count(readings);
    this.counts.rejects += opened.rejects.length;
    this.counts.repeats += opened.repeats;
    if (opened.rejects.length > 0) observer?.onRejects?.(opener.topic, opened.rejects.length);
    for (const gap of opened.gaps) observer?.onGap?.(gap);
    const last = batch.messages.at(-1);
    if (last) progress.moveTo(state, last.offset + 1n);
    await progress.saveIfDue();
  }

  #partition({ topic, partition }: FeedBatch): { opener: Opener; state: PartitionState } {
    const opener = this.#sources.get(topic)?.opener;
    const state = this.#options.progress.find(topic, partition);
    if (!opener || !state) throw new VeilError("INTERNAL", "a batch of a partition nobody reads");
    return { opener, state };
  }

  /** The readings as they were written: with the time that their device's clock record gives them. */
  async #write(opened: Opened, { marks }: PartitionState): Promise<Reading[]> {
    const { output, signal } = this.#options;
    const readings = await this.#clocks.apply(opened.readings);
    try {
      if (readings.length > 0) await output.write(readings, signal);
    } catch (error) {
      if (!isVeilError(error, "STOPPED")) throw error;
      // The whole batch comes again in the next run: what was taken of it is a repeat then.
      const taken = output.taken ?? 0;
      for (const place of opened.places.slice(0, taken)) marks.advance(place);
      this.#count(readings.slice(0, taken));
      throw error;
    }
    return readings;
  }

  /** The output has them. */
  #count(readings: readonly Reading[]): void {
    this.counts.readings += readings.length;
    this.#options.observer?.onReadings?.(readings);
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
    log.error({ partition, wanted: Number(wanted), low: Number(low), lost: Number(lost) }, DELETED);
    const opener = this.#sources.get(topic)?.opener;
    this.#countGone(opener?.topic, lost);
    const state = progress.find(topic, partition);
    if (state) progress.moveTo(state, low);
  }

  #countGone(topic: string | undefined, lost: bigint): void {
    this.counts.gone += lost;
    if (topic !== undefined) this.#options.observer?.onDeleted?.({ topic, lost });
  }

  /** As `offsetAt`; UNAVAILABLE where Kafka does not know the topic, once that was looked into. */
  #lookingFor(kafkaTopic: string, offsetAt: StartQuestion["offsetAt"]): StartQuestion["offsetAt"] {
    return async (timeMs) => {
      try {
        return await offsetAt(timeMs);
      } catch (cause) {
        if (!isVeilError(cause, "NOT_FOUND")) throw cause;
        await this.#options.onUnknown?.(kafkaTopic);
        throw new VeilError("UNAVAILABLE", "Kafka does not know the topic", { cause });
      }
    };
  }

  /** One after the other, and nothing after a failure: the output may hold a part of what no checkpoint covers. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    this.#tail = this.#tail.then(work);
    await this.#tail;
  }
}

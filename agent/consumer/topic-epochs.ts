/**
 * One topic, in clear, through changes of epoch (PROTOCOL.md §4, Epochs): in Kafka it has another name in each.
 *
 * All names are looked for and read. A device sends what it has of an older epoch first, and waits until that is
 * acknowledged; but each device changes when its mail comes, so that for a while both names are written to. Hence the
 * rule that keeps each producer's order: before the first record of a producer is taken from a name, every older name is
 * read to where it ends then. What that producer wrote there lies before that end; what others write there later does
 * not matter, and the producer itself never goes back. Who has been read from a name is in its marks, and so in the
 * checkpoint: the rule holds over restarts, and costs one question for each producer and epoch.
 */
import { isVeilError, VeilError } from "../../core/errors.ts";
import type { FeedBatch } from "../../core/ports/kafka/feed.ts";
import { Backoff } from "../../core/runtime/backoff.ts";
import { aborted } from "../../core/runtime/lifecycle.ts";
import type { SchemeWorker } from "./scheme.ts";
import {
  MAX_ATTEMPTS_AT_UNMATCHED,
  type NameState,
  TopicName,
  type TopicNameOptions,
} from "./topic-name.ts";
import { TopicNotFoundError } from "./topic-not-found.ts";

const RETRY = { minMs: 250, maxMs: 5000 };
/** How long an older name is waited for before it is asked whether it is still there. */
const DRAIN_MS = 300_000;

export interface TopicEpochsOptions
  extends Pick<
    TopicNameOptions,
    "topic" | "bridge" | "names" | "begin" | "onEpochRefused" | "log"
  > {
  readonly scheme: Pick<SchemeWorker, "epochs" | "of">;
  /** Wait where no epoch has a name yet. */
  readonly wait: boolean;
  /** Resolves when all that is in a name now has been handed over. Throws as `KafkaConsumer.readToEnd`. */
  readonly readToEnd: (kafkaTopic: string, signal: AbortSignal) => Promise<void>;
  /** How long to wait for an older name's end before Kafka is asked again where that is. Default 5 minutes. */
  readonly drainMs?: number;
  /** Between two attempts; 250 ms to 5 s unless given. */
  readonly retry?: { readonly minMs: number; readonly maxMs: number };
  /** A name was deleted in Kafka: nothing more of it is read. */
  readonly onGone: (kafkaTopic: string) => void;
  /** Each epoch's name has been asked for, and is read if it is there. */
  readonly onAsked: () => void;
}

export class TopicEpochs {
  readonly #options: TopicEpochsOptions;
  /** The oldest epoch first. */
  readonly #names: TopicName[] = [];
  readonly #loops = new Set<Promise<void>>();
  readonly #failed = new AbortController();
  #failure: unknown;
  #signal: AbortSignal | undefined;

  constructor(options: TopicEpochsOptions) {
    this.#options = options;
  }

  /**
   * Finds and reads the names of all epochs, as they come, until `signal` aborts. Throws {@link TopicNotFoundError}
   * where none is there and it does not wait, EPOCH where none of the credential's is in force; AUTH or REVOKED.
   */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = AbortSignal.any([signal, this.#failed.signal]);
    this.#extend({ isNew: false });
    await this.#firstRound(this.#signal);
    for (const name of this.#names) this.#follow(name);
    await aborted(this.#signal);
    await Promise.all(this.#loops);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The credential has changed: new epochs are looked for, too. */
  swap(): void {
    if (!this.#signal) return;
    for (const name of this.#extend({ isNew: true })) this.#follow(name);
  }

  /**
   * Before a batch is taken: waits until everything older of its producers has been. `isKnown`: whether a producer, by
   * its Kafka key in hex, was read from this name before. Throws STOPPED if `signal` aborts.
   */
  async admit(
    { topic, messages }: Pick<FeedBatch, "topic" | "messages">,
    isKnown: (producer: string) => boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const own = this.#find(topic);
    if (!own) return;
    const elders = this.#names.filter(({ epoch, state }) => epoch < own.epoch && state !== "over");
    if (elders.length === 0) return;
    if (messages.every(({ key }) => key && isKnown(key.toString("hex")))) return;
    for (const elder of elders) await this.#drain(elder, signal);
  }

  /** Its older names that are, or once were, read. */
  elders(kafkaTopic: string): string[] {
    const own = this.#find(kafkaTopic);
    return this.#names.flatMap(({ epoch, kafkaTopic: name }) =>
      own && name !== undefined && epoch < own.epoch ? [name] : [],
    );
  }

  /** Kafka does not know a name that is read: until all of it has been taken after all, or it is lost. Throws STOPPED. */
  async lookFor(kafkaTopic: string, signal: AbortSignal): Promise<void> {
    const name = this.#find(kafkaTopic);
    if (name) await this.#drain(name, signal);
  }

  /**
   * The bridge releases no key of this name any more. Returns whether that ends nothing but the name: a newer epoch is
   * read, or will be.
   */
  giveUp(kafkaTopic: string): boolean {
    const name = this.#find(kafkaTopic);
    if (!name || name === this.#names.at(-1)) return false;
    name.end();
    return true;
  }

  #find(kafkaTopic: string): TopicName | undefined {
    return this.#names.find((name) => name.kafkaTopic === kafkaTopic);
  }

  /** Adds the credential's epochs that are not there yet; returns them. */
  #extend({ isNew }: Pick<TopicNameOptions, "isNew">): TopicName[] {
    const { scheme, ...parts } = this.#options;
    const known = new Set(this.#names.map(({ epoch }) => epoch));
    const added = scheme.epochs
      .filter((epoch) => !known.has(epoch))
      .map((epoch) => {
        const isNewest = (): boolean => this.#names.at(-1)?.epoch === epoch;
        return new TopicName({ ...parts, scheme: scheme.of(epoch), isNew, isNewest });
      });
    this.#names.push(...added);
    this.#names.sort((a, b) => a.epoch - b.epoch);
    return added;
  }

  /** Until each epoch's name has been asked for. */
  async #firstRound(signal: AbortSignal): Promise<void> {
    const names = [...this.#names];
    const states = await Promise.all(names.map((name) => this.#settle(name, signal)));
    this.#options.onAsked();
    if (states.includes("read") || signal.aborted || this.#options.wait) return;
    if (names.every(({ isRefused }) => isRefused))
      throw new VeilError(
        "EPOCH",
        "the bridge does not take the keys of this credential any more",
        {
          hint: "newer ones come as mail; the owner can also make them: veilmq kms enrol --again",
        },
      );
    throw new TopicNotFoundError();
  }

  /** Asks for a name again and again, in the background. */
  #follow(name: TopicName): void {
    const loop = this.#seekOn(name)
      .catch((error: unknown) => {
        this.#failure ??= error;
        this.#failed.abort();
      })
      .finally(() => this.#loops.delete(loop));
    this.#loops.add(loop);
  }

  async #seekOn(name: TopicName): Promise<void> {
    const signal = this.#signal;
    const backoff = new Backoff(this.#options.retry ?? RETRY);
    while (signal && name.state === "sought" && !signal.aborted) {
      await this.#settle(name, signal);
      if (name.state === "sought") await backoff.wait(signal);
    }
  }

  /** Asks for a name until there is an answer: `sought` means that it is not there. */
  async #settle(name: TopicName, signal: AbortSignal): Promise<NameState> {
    const { log } = this.#options;
    const backoff = new Backoff(this.#options.retry ?? RETRY);
    do {
      try {
        return await name.seek();
      } catch (error) {
        if (!isVeilError(error)) throw error;
        if (!error.retryable) return this.#dismiss(name, error);
        log.warn({ err: error, epoch: name.epoch }, "cannot begin reading a topic; trying again");
      }
    } while (await backoff.wait(signal));
    return name.state;
  }

  /** What is wrong with an older epoch alone ends nothing else. */
  #dismiss(name: TopicName, error: VeilError): NameState {
    if (name === this.#names.at(-1) || error.code === "AUTH" || error.code === "REVOKED")
      throw error;
    const { epoch } = name;
    this.#options.log.warn({ err: error, epoch }, "an older epoch of a topic cannot be read");
    name.end();
    return name.state;
  }

  /** Until all that is in a name by now has been taken, or it is over. */
  async #drain(name: TopicName, signal: AbortSignal): Promise<void> {
    const { readToEnd, drainMs = DRAIN_MS, log } = this.#options;
    const backoff = new Backoff(this.#options.retry ?? RETRY);
    let unmatched = 0;
    do {
      if ((await this.#settle(name, signal)) !== "read" || !name.kafkaTopic) return;
      const inTime = AbortSignal.timeout(drainMs);
      try {
        return await readToEnd(name.kafkaTopic, AbortSignal.any([signal, inTime]));
      } catch (error) {
        const isUnknown = isVeilError(error, "NOT_FOUND");
        const mayCome = isUnknown || inTime.aborted || (isVeilError(error) && error.retryable);
        if (!mayCome || signal.aborted) throw error;
        const { epoch } = name;
        log.warn({ err: error, epoch }, "cannot tell how far an epoch is read; trying again");
        if (isUnknown) unmatched = (await this.#isMatched(name)) ? 0 : unmatched + 1;
        if (unmatched >= MAX_ATTEMPTS_AT_UNMATCHED) this.#lose(name);
      }
    } while (await backoff.wait(signal));
    throw new VeilError("STOPPED", "stopped before an epoch was read");
  }

  /** Whether a bridge tells of a name that Kafka does not know; of what cannot be asked, that is believed. */
  async #isMatched(name: TopicName): Promise<boolean> {
    const { log } = this.#options;
    try {
      return await name.isMatched();
    } catch (error) {
      if (!isVeilError(error)) throw error;
      log.warn({ err: error, epoch: name.epoch }, "cannot ask for an epoch");
      return error.retryable;
    }
  }

  /** A name was deleted in Kafka while it was read. */
  #lose(name: TopicName): void {
    const { onGone, log } = this.#options;
    log.error({ epoch: name.epoch }, "Kafka has no records of an epoch any more");
    name.end();
    if (name.kafkaTopic) onGone(name.kafkaTopic);
  }
}

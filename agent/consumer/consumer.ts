/**
 * The consumer agent: trapdoor → match → feed → open → repeats dropped → sink, and a checkpoint of where it stands.
 * Batches go through one after the other, so that marks, offsets and output never disagree.
 */
import { isVeilError, VeilError } from "../../core/errors.ts";
import { createKafka, type Kafka } from "../../core/ports/kafka/client.ts";
import {
  type ConsumerOptions as FeedOptions,
  KafkaConsumer,
  type StartQuestion,
} from "../../core/ports/kafka/consumer.ts";
import type { FeedBatch } from "../../core/ports/kafka/feed.ts";
import { scanPartition } from "../../core/ports/kafka/scan.ts";
import type { OffsetLost } from "../../core/ports/kafka/track.ts";
import { Backoff, pause } from "../../core/runtime/backoff.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { Credential } from "../../core/wire/credential.ts";
import type { MatchResponse } from "../../core/wire/http.ts";
import { importPublicKey } from "../../core/wire/keys.ts";
import { defaultGroup } from "../../core/wire/store.ts";
import { BridgeClient } from "./bridge-client.ts";
import { KeyRing } from "./key-ring.ts";
import { Marks } from "./marks.ts";
import { matchTopic } from "./match.ts";
import { Opener, observeHeaders } from "./opener.ts";
import { Progress, SAVE_INTERVAL_MS } from "./progress.ts";
import { encodeReading, encodeReject } from "./reading.ts";
import { SchemeWorker } from "./scheme.ts";
import type { LineSink } from "./sinks.ts";

const RETRY = { minMs: 250, maxMs: 5000 };

export interface ConsumerOptions {
  readonly credential: Credential;
  /** Names in clear; each must be granted to this client. */
  readonly topics: readonly string[];
  readonly stateDir: string;
  readonly output: LineSink;
  /** Takes what cannot be opened; without it, that is counted and logged only. */
  readonly rejects: LineSink | null;
  /** Wait for topics that are not there yet. */
  readonly wait: boolean;
  readonly log: Logger;
}

/** What a consumer did since it started. */
export interface ConsumerCounts {
  readings: number;
  rejects: number;
  repeats: number;
  /** Offsets that Kafka had deleted before they were read. */
  gone: bigint;
}

export class Consumer {
  readonly counts: ConsumerCounts = { readings: 0, rejects: 0, repeats: 0, gone: 0n };
  readonly #options: ConsumerOptions;
  readonly #scheme: SchemeWorker;
  readonly #bridge: BridgeClient;
  readonly #progress: Progress;
  readonly #group: string;
  readonly #openers = new Map<string, Opener>();
  /** Addresses to find Kafka by, as matches gave them. */
  readonly #seeds = new Set<string>();
  readonly #kafka: Kafka;
  readonly #feed: KafkaConsumer;
  readonly #end = new AbortController();
  /** The tail of the queue that batches and saves go through. */
  #tail: Promise<void> = Promise.resolve();
  #committing: Promise<void> = Promise.resolve();
  #failure: unknown;

  constructor(options: ConsumerOptions) {
    const { credential, stateDir, output, log } = options;
    this.#options = options;
    this.#scheme = new SchemeWorker(credential);
    this.#bridge = new BridgeClient(credential);
    this.#group = defaultGroup(credential.groupKey);
    this.#kafka = createKafka({ brokers: async () => [...this.#seeds], log });
    this.#feed = new KafkaConsumer(this.#feedOptions());
    this.#progress = new Progress({
      stateDir,
      group: this.#group,
      output,
      onSaved: (offsets) => {
        this.#committing = this.#commit(offsets);
      },
    });
  }

  /**
   * Reads until `signal` aborts, then saves where it stands. Throws NOT_FOUND for a topic that is not there (unless it
   * waits), REVOKED, AUTH, and what the output throws.
   */
  async run(signal: AbortSignal): Promise<void> {
    const end = (): void => this.#end.abort();
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
    const { rejects } = this.#options;
    try {
      await this.#progress.start();
      await rejects?.open(null);
      await this.#read();
      await this.#progress.save();
    } finally {
      signal.removeEventListener("abort", end);
      end();
      await this.#stop();
    }
  }

  async #read(): Promise<void> {
    const { signal } = this.#end;
    const fail = (error: unknown): void => {
      if (!signal.aborted || !isVeilError(error, "STOPPED")) this.#failure ??= error;
      this.#end.abort();
    };
    const feeding = this.#feed.run(signal).catch(fail);
    const subscribing = this.#options.topics.map((topic) => this.#subscribe(topic).catch(fail));
    const saving = this.#saveRegularly().catch(fail);
    await Promise.all([feeding, saving, ...subscribing]);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Finds a topic and begins reading its partitions. */
  async #subscribe(topic: string): Promise<void> {
    const { log, wait, credential } = this.#options;
    const { signal } = this.#end;
    const found = await matchTopic(
      topic,
      { bridge: this.#bridge, scheme: this.#scheme, log, wait },
      signal,
    );
    for (const address of addressesOf(found)) this.#seeds.add(address);
    const kafkaTopic = found.topic_name;
    const keys = new KeyRing({
      realm: this.#scheme.realm,
      topic,
      kafkaTopic,
      kmsPublicKey: importPublicKey(credential.kmsPublicKey),
      bridge: this.#bridge,
      scheme: this.#scheme,
    });
    this.#openers.set(kafkaTopic, new Opener({ topic, keys, log }));
    await this.#addTopic(kafkaTopic);
    log.info({ kafkaTopic, partitions: found.partitions.length }, "reading a topic");
  }

  async #addTopic(kafkaTopic: string): Promise<void> {
    const backoff = new Backoff(RETRY);
    do {
      try {
        return await this.#feed.addTopic(kafkaTopic);
      } catch (error) {
        if (!isVeilError(error) || !error.retryable) throw error;
        this.#options.log.warn({ err: error }, "cannot begin reading a topic; trying again");
      }
    } while (await backoff.wait(this.#end.signal));
    throw new VeilError("STOPPED", "stopped before a topic could be read");
  }

  #feedOptions(): FeedOptions {
    const { log } = this.#options;
    return {
      kafka: this.#kafka,
      groupId: this.#group,
      startAt: (question) => this.#start(question),
      onBatch: (batch) => this.#inTurn(() => this.#take(batch)),
      onLost: (loss) => this.#inTurn(async () => this.#skip(loss)),
      onTrouble: (_topic, partition, error) => {
        if (error) log.warn({ err: error, partition }, "cannot read a partition; trying again");
        else log.info({ partition }, "reading a partition again");
      },
    };
  }

  /** Where to begin: the checkpoint; else Kafka's committed offset, with marks from a scan up to it; else the first. */
  async #start({ topic, partition, low, committed }: StartQuestion): Promise<bigint> {
    const known = this.#progress.find(topic, partition);
    if (known) return known.offset;
    if (committed === undefined || committed <= low) return this.#begin(topic, partition, low);
    this.#options.log.info({ partition }, "no checkpoint: scanning what was read before");
    const marks = new Marks();
    const onBatch = async (batch: FeedBatch): Promise<void> => observeHeaders(batch, marks);
    const source = { kafka: this.#kafka, topic, partition, end: committed, onBatch };
    await scanPartition(source, this.#end.signal);
    return this.#begin(topic, partition, committed, marks);
  }

  #begin(...state: Parameters<Progress["begin"]>): bigint {
    return this.#progress.begin(...state).offset;
  }

  async #take(batch: FeedBatch): Promise<void> {
    const { output, rejects, log } = this.#options;
    const opener = this.#openers.get(batch.topic);
    const state = this.#progress.find(batch.topic, batch.partition);
    if (!opener || !state) throw new VeilError("INTERNAL", "a batch of a partition nobody reads");
    const opened = await opener.open(batch, state.marks, this.#end.signal);
    if (opened.readings.length > 0) await output.write(opened.readings.map(encodeReading).join(""));
    if (opened.rejects.length > 0) {
      await rejects?.write(opened.rejects.map(encodeReject).join(""));
      const { code, reason, offset } = opened.rejects[0] ?? {};
      log.warn(
        {
          partition: batch.partition,
          offset: Number(offset),
          code,
          reason,
          rejects: opened.rejects.length,
        },
        "records could not be opened",
      );
    }
    this.counts.readings += opened.readings.length;
    this.counts.rejects += opened.rejects.length;
    this.counts.repeats += opened.repeats;
    const last = batch.messages.at(-1);
    if (last) this.#progress.moveTo(state, last.offset + 1n);
    await this.#progress.saveIfDue();
  }

  #skip({ topic, partition, wanted, low, lost }: OffsetLost): void {
    this.#options.log.error(
      { partition, wanted: Number(wanted), low: Number(low), lost: Number(lost) },
      "Kafka has deleted records that were not read yet",
    );
    this.counts.gone += lost;
    const state = this.#progress.find(topic, partition);
    if (state) this.#progress.moveTo(state, low);
  }

  async #saveRegularly(): Promise<void> {
    while (await pause(SAVE_INTERVAL_MS, this.#end.signal))
      await this.#inTurn(() => this.#progress.saveIfDue());
  }

  /** One after the other; the first failure ends the consumer. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#tail.then(work);
    this.#tail = turn.catch(() => undefined);
    await turn;
  }

  /** For monitors only: where to resume, the checkpoint says. */
  async #commit(offsets: { topic: string; partition: number; offset: bigint }[]): Promise<void> {
    if (offsets.length === 0 || this.#seeds.size === 0) return;
    try {
      await this.#feed.commit(offsets);
    } catch (error) {
      this.#options.log.debug({ err: error }, "cannot commit offsets");
    }
  }

  async #stop(): Promise<void> {
    const { output, rejects } = this.#options;
    await this.#committing;
    await Promise.all([this.#feed.stop(), this.#scheme.stop(), this.#bridge.stop()]);
    await Promise.all([output.close(), rejects?.close(), this.#progress.stop()]);
  }
}

function addressesOf({ brokerAddress, partitions }: MatchResponse): string[] {
  const leaders = partitions.map(({ leader }) => leader);
  return [brokerAddress, ...leaders].filter((address) => address !== null);
}

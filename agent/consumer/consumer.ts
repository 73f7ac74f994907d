/**
 * The consumer agent: trapdoor → match → feed → open → repeats dropped → sink, and a checkpoint of where it stands.
 * This file finds the topics and wires; receiver.ts has what becomes of a batch.
 */
import { isVeilError, type VeilError } from "../../core/errors.ts";
import { createKafka, type Kafka } from "../../core/ports/kafka/client.ts";
import {
  type ConsumerOptions as FeedOptions,
  KafkaConsumer,
} from "../../core/ports/kafka/consumer.ts";
import type { FeedBatch } from "../../core/ports/kafka/feed.ts";
import { scanPartition } from "../../core/ports/kafka/scan.ts";
import { pause } from "../../core/runtime/backoff.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { Credential } from "../../core/wire/credential.ts";
import type { StatusResponse } from "../../core/wire/http.ts";
import { importPublicKey } from "../../core/wire/keys.ts";
import { defaultGroup } from "../../core/wire/store.ts";
import type { CredentialStore } from "../credential-store.ts";
import { OwnCredential } from "../own-credential.ts";
import { BridgeClient } from "./bridge-client.ts";
import { Clocks } from "./clocks.ts";
import type { Access } from "./config.ts";
import { KeyRing } from "./key-ring.ts";
import { KnownNames } from "./known-names.ts";
import { Mailbox } from "./mailbox.ts";
import type { Position as RecordPosition } from "./marks.ts";
import { Opener } from "./opener.ts";
import type { Position } from "./positions.ts";
import { Progress, SAVE_INTERVAL_MS } from "./progress.ts";
import { type From, Until } from "./range.ts";
import type { ReadingSink } from "./reading-sink.ts";
import { type ConsumerCounts, type ConsumerObserver, Receiver } from "./receiver.ts";
import { SchemeWorker } from "./scheme.ts";
import type { LineSink } from "./sinks.ts";
import { watchStatus } from "./status-watch.ts";
import { TopicEpochs } from "./topic-epochs.ts";
import type { FoundName } from "./topic-name.ts";
import { UnsealThreads } from "./unseal-threads.ts";

const MAIL_EVERY_MS = 45_000;

/** What a consumer tells of itself. */
export interface Observer extends ConsumerObserver {
  /** How the hops are, every few seconds; `null` while no bridge answers. */
  readonly onStatus?: (status: StatusResponse | null) => void;
  /** A topic is read. */
  readonly onTopic?: (found: { readonly topic: string; readonly kafkaTopic: string }) => void;
}

export interface ConsumerOptions {
  readonly credential: Credential;
  /** Where newer keys are kept. Without it no mail is taken, and a change of keys ends what can be read. */
  readonly credentialStore?: CredentialStore;
  /** How often mail is asked for, on average. Default 45 s. */
  readonly mailEveryMs?: number;
  /** Names in clear; each must be granted to this client. */
  readonly topics: readonly string[];
  /** Holds the checkpoint. `null`: nothing is remembered, and `from` is not `checkpoint`. */
  readonly stateDir: string | null;
  readonly output: ReadingSink;
  /** Takes what cannot be opened; without it, that is counted and logged only. */
  readonly rejects: LineSink | null;
  /** Wait for topics that are not there yet. */
  readonly wait: boolean;
  /** Where reading begins; `checkpoint` unless given. */
  readonly from?: From;
  /** What Kafka takes from then on, milliseconds since 1970, is not read, and the run ends with it. */
  readonly untilMs?: number | null;
  readonly observer?: Observer;
  /** How many threads open records; 0, unless given: the one that does everything else does that, too. */
  readonly threads?: number;
  /** How the bridge and Kafka want to be spoken to, beyond the credential. */
  readonly access?: Access;
  readonly log: Logger;
}

export class Consumer {
  readonly #options: ConsumerOptions;
  readonly #scheme: SchemeWorker;
  readonly #threads: UnsealThreads | null;
  readonly #bridge: BridgeClient;
  readonly #progress: Progress;
  readonly #group: string;
  readonly #clocks: Clocks;
  readonly #receiver: Receiver;
  readonly #until: Until | null;
  /** Topics that are read or were not there when first asked for. */
  readonly #settled = new Set<string>();
  readonly #names: KnownNames;
  readonly #topics: readonly TopicEpochs[];
  readonly #byKafkaTopic = new Map<string, TopicEpochs>();
  readonly #mailbox: Mailbox | null;
  /** Addresses to find Kafka by, as matches gave them. */
  readonly #seeds = new Set<string>();
  readonly #kafka: Kafka;
  readonly #feed: KafkaConsumer;
  readonly #end = new AbortController();
  #committing: Promise<void> = Promise.resolve();
  #failure: unknown;

  constructor(options: ConsumerOptions) {
    const { credential, stateDir, output, rejects, untilMs = null, threads = 0, log } = options;
    this.#options = options;
    this.#until = untilMs === null ? null : new Until(untilMs);
    this.#scheme = new SchemeWorker(credential);
    this.#threads = threads > 0 ? new UnsealThreads({ threads }) : null;
    const { bridge, kafka = {} } = options.access ?? {};
    this.#bridge = new BridgeClient(credential, bridge);
    this.#group = defaultGroup(credential.groupKey);
    this.#kafka = createKafka({
      brokers: async () => [...this.#seeds],
      security: () => kafka,
      log,
    });
    this.#feed = new KafkaConsumer(this.#feedOptions());
    this.#progress = new Progress({
      stateDir,
      group: this.#group,
      output,
      rejects,
      onSaved: (offsets) => {
        this.#committing = this.#commit(offsets);
      },
    });
    this.#clocks = new Clocks({ stateDir });
    this.#receiver = this.#createReceiver();
    this.#names = new KnownNames({ stateDir });
    this.#mailbox = this.#createMailbox();
    this.#topics = options.topics.map((topic) => this.#createTopic(topic));
  }

  get counts(): Readonly<ConsumerCounts> {
    return this.#receiver.counts;
  }

  /** The cluster that it reads from, once a topic is found. */
  get kafka(): Kafka {
    return this.#kafka;
  }

  /** How far each partition has been read. */
  get positions(): Position[] {
    return this.#receiver.positions.list();
  }

  /** When all that Kafka had of a topic was last read, milliseconds since 1970; `null` if that was never. */
  readToEndAtMs(topic: string): number | null {
    return this.#receiver.positions.readToEndAtMs(topic);
  }

  /**
   * Reads until `signal` aborts or `untilMs` is reached, then saves where it stands. Throws NOT_FOUND for a topic that
   * is not there (unless it waits), REVOKED, AUTH, and what the output throws.
   */
  async run(signal: AbortSignal): Promise<void> {
    const end = (): void => this.#end.abort();
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
    const { rejects } = this.#options;
    try {
      await rejects?.open(null);
      await this.#progress.start();
      await this.#names.start();
      await this.#clocks.start();
      // What came while it was off, before anything is asked with older keys.
      await this.#mailbox?.check();
      await this.#read();
      await this.#receiver.finish();
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
    const subscribing = this.#topics.map((topic) => topic.run(signal).catch(fail));
    const saving = this.#saveRegularly().catch(fail);
    const ending = this.#endInTime().catch(fail);
    const watching = this.#watchStatus().catch(fail);
    const asking = this.#mailbox?.run(signal).catch(fail);
    await Promise.all([feeding, saving, ending, watching, asking, ...subscribing]);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #createTopic(topic: string): TopicEpochs {
    const { log, wait } = this.#options;
    const epochs: TopicEpochs = new TopicEpochs({
      ...{ topic, wait, log },
      bridge: this.#bridge,
      scheme: this.#scheme,
      names: this.#names,
      begin: async (name) => {
        this.#byKafkaTopic.set(name.kafkaTopic, epochs);
        await this.#begin(topic, name);
      },
      readToEnd: (kafkaTopic, signal) => this.#feed.readToEnd(kafkaTopic, signal),
      onGone: (kafkaTopic) => {
        this.#feed.removeTopic(kafkaTopic);
        this.#receiver.loseTopic(kafkaTopic);
      },
      onAsked: () => this.#settled.add(topic),
      onEpochRefused: () => this.#mailbox?.hurry(),
    });
    return epochs;
  }

  #createMailbox(): Mailbox | null {
    const { credential, credentialStore: store, mailEveryMs = MAIL_EVERY_MS, log } = this.#options;
    if (!store) return null;
    const own = new OwnCredential({
      ...{ credential, store, log },
      onSwap: (next) => {
        this.#scheme.swap(next);
        for (const topic of this.#topics) topic.swap();
      },
    });
    return new Mailbox({ bridge: this.#bridge, credential: own, everyMs: mailEveryMs, log });
  }

  /** Begins reading the partitions of one name of a topic. One attempt. */
  async #begin(topic: string, { kafkaTopic, scheme, addresses, isNew }: FoundName): Promise<void> {
    const { log, credential } = this.#options;
    for (const address of addresses) this.#seeds.add(address);
    const keys = new KeyRing({
      ...{ topic, kafkaTopic },
      schemeOf: (epoch) => this.#scheme.of(epoch),
      kmsPublicKey: importPublicKey(credential.kmsPublicKey),
      bridge: this.#bridge,
    });
    const { epoch } = scheme.realm;
    const elders = (): readonly string[] =>
      this.#byKafkaTopic.get(kafkaTopic)?.elders(kafkaTopic) ?? [];
    const carried = {
      epoch,
      hasRead: (position: RecordPosition): boolean =>
        elders().some((name) =>
          this.#progress.marksOf(name).some((marks) => marks.hasRead(position)),
        ),
    };
    const opener = new Opener({ topic, keys, carried, threads: this.#threads, log });
    this.#receiver.addTopic(kafkaTopic, opener, { isNew });
    await this.#feed.addTopic(kafkaTopic);
    this.#options.observer?.onTopic?.({ topic, kafkaTopic });
    log.info({ kafkaTopic, epoch }, "reading a topic");
  }

  /** Takes a batch, when everything older of its producers has been taken. */
  async #take(batch: FeedBatch): Promise<void> {
    const { topic, partition } = batch;
    const state = this.#progress.find(topic, partition);
    const isKnown = (producer: string): boolean => state?.marks.knows(producer) === true;
    await this.#byKafkaTopic.get(topic)?.admit(batch, isKnown, this.#end.signal);
    await this.#receiver.take(batch);
  }

  /** No key of a Kafka topic is released to this client any more: of an older epoch, that ends only this name. */
  #giveUp(kafkaTopic: string, error: VeilError): boolean {
    if (!this.#byKafkaTopic.get(kafkaTopic)?.giveUp(kafkaTopic)) return false;
    this.#drop(kafkaTopic);
    const hint = "what was not read of it stays unread";
    this.#options.log.warn(
      { err: error, kafkaTopic, hint },
      "an older epoch cannot be read any more",
    );
    return true;
  }

  /** Reads no more of a Kafka topic. */
  #drop(kafkaTopic: string): void {
    this.#feed.removeTopic(kafkaTopic);
    this.#receiver.dropTopic(kafkaTopic);
  }

  #feedOptions(): FeedOptions {
    const { log } = this.#options;
    return {
      kafka: this.#kafka,
      groupId: this.#group,
      startAt: (question) => this.#receiver.startAt(question),
      onBatch: (batch) => this.#take(batch),
      onLost: (loss) => this.#receiver.skip(loss),
      onPosition: (topic, partition, offset) => this.#receiver.moved(topic, partition, offset),
      onEnd: (topic, partition) => this.#receiver.positions.readToEnd(topic, partition, Date.now()),
      onTrouble: (_topic, partition, error) => {
        if (error) log.warn({ err: error, partition }, "cannot read a partition; trying again");
        else log.info({ partition }, "reading a partition again");
      },
    };
  }

  #createReceiver(): Receiver {
    const { output, rejects, from = "checkpoint", observer = {}, log } = this.#options;
    const { signal } = this.#end;
    return new Receiver({
      ...{
        progress: this.#progress,
        clocks: this.#clocks,
        output,
        rejects,
        from,
        observer,
        log,
        signal,
      },
      until: this.#until,
      giveUp: (kafkaTopic, error) => this.#giveUp(kafkaTopic, error),
      onUnknown: async (kafkaTopic) =>
        this.#byKafkaTopic.get(kafkaTopic)?.lookFor(kafkaTopic, signal),
      scan: (range) => scanPartition({ kafka: this.#kafka, ...range }, signal),
    });
  }

  async #saveRegularly(): Promise<void> {
    while (await pause(SAVE_INTERVAL_MS, this.#end.signal)) await this.#receiver.saveIfDue();
  }

  /** Ends the run when everything before `untilMs` has been read of the topics that are there. */
  async #endInTime(): Promise<void> {
    const { signal } = this.#end;
    const until = this.#until;
    if (!until) return;
    const topics = new Set(this.#options.topics).size;
    if (await until.wait(() => this.#settled.size === topics, signal)) this.#end.abort();
  }

  async #watchStatus(): Promise<void> {
    const { observer, log } = this.#options;
    const onStatus = observer?.onStatus ?? (() => undefined);
    await watchStatus({ bridge: this.#bridge, onStatus, log }, this.#end.signal);
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
    await this.#threads?.stop();
    await Promise.all([output.close(), rejects?.close(), this.#progress.stop()]);
  }
}

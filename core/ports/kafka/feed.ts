/**
 * Reads partitions from given offsets on, as long as it runs: the one way of reading in this port.
 *
 * No consumer group: partitions are named by the caller, one fetch at a time goes to each broker that leads
 * some of them, and waits there until there is something to read. Leaders are found again after any error,
 * with backoff, for ever (docs/decisions/002-kafkajs-internals.md).
 */
import { setMaxListeners } from "node:events";
import type { VeilError } from "../../errors.ts";
import { Brokers } from "./brokers.ts";
import type { Kafka } from "./client.ts";
import { type FetchedPartition, type FetchFrom, fetchProtocol } from "./fetch-protocol.ts";
import { fromErrorCode, OFFSET_OUT_OF_RANGE, toVeilError } from "./kafka-error.ts";
import { decodeRecordBatches, type KafkaMessage } from "./record-batch.ts";
import { type OffsetLost, Track, trackKey } from "./track.ts";
import { Wake } from "./wake.ts";

export interface FeedBatch {
  readonly topic: string;
  readonly partition: number;
  /** At least one, in order of their offsets; compaction leaves gaps. */
  readonly messages: readonly KafkaMessage[];
  /** The offset after the partition's last record when the batch was fetched. */
  readonly highWatermark: bigint;
}

export interface FeedOptions {
  readonly kafka: Kafka;
  /**
   * Takes one batch. The next batch of the same partition is fetched when it resolves; batches of different
   * partitions may overlap. If it throws, `run` ends with that error.
   */
  readonly onBatch: (batch: FeedBatch) => Promise<void>;
  /** Told before reading goes on elsewhere than wanted. If it throws, `run` ends with that error. */
  readonly onLost: (loss: OffsetLost) => Promise<void>;
  /** A partition cannot be read now (it is tried again), or can again (`undefined`): for health and logs. */
  readonly onTrouble?: (topic: string, partition: number, error: VeilError | undefined) => void;
  /** Everything before `offset` has been delivered or does not exist. */
  readonly onPosition?: (topic: string, partition: number, offset: bigint) => void;
  /** Kafka has just said that there is nothing more than was delivered. */
  readonly onEnd?: (topic: string, partition: number) => void;
  /** For one answer of one broker; exceeded by at most one batch. */
  readonly maxBytes?: number;
  readonly maxPartitionBytes?: number;
}

const DEFAULT_MAX_BYTES = 8 * 2 ** 20;
const DEFAULT_MAX_PARTITION_BYTES = 2 ** 20;
/** How long a broker waits for something to read; a partition that is added meanwhile joins afterwards. */
const LONG_WAIT_MS = 500;
/** The same while a handler is at work, whose partition then joins. */
const SHORT_WAIT_MS = 20;

export type { OffsetLost } from "./track.ts";

export class Feed {
  readonly #options: FeedOptions;
  readonly #brokers: Brokers;
  /** In the order in which they are asked for: what was served goes to the end. */
  readonly #tracks = new Map<string, Track>();
  /** One for each broker that is asked. */
  readonly #fetchers = new Map<number, { readonly wake: Wake; readonly done: Promise<void> }>();
  /** Handlers at work. */
  readonly #work = new Set<Promise<void>>();
  readonly #wake = new Wake();
  readonly #end = new AbortController();
  #failure: { readonly error: unknown } | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#brokers = new Brokers(options);
  }

  /** Reads this partition too, from `offset` on; one that is read already, from there anew. */
  add(from: FetchFrom): void {
    const track = new Track(from);
    this.#tracks.set(track.key, track);
    this.#wake.notify();
  }

  /** Delivers no further batch of this partition; one that is with the handler is not taken back. */
  remove(topic: string, partition: number): void {
    this.#tracks.delete(trackKey(topic, partition));
  }

  /**
   * Reads until `signal` aborts and the last handler is done. Kafka being away ends nothing. Rejects with what
   * a handler threw. To be called once.
   */
  async run(signal: AbortSignal): Promise<void> {
    // One for each broker, not a leak.
    setMaxListeners(0, this.#end.signal);
    const end = (): void => this.#end.abort();
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
    while (!this.#end.signal.aborted) {
      await this.#assign();
      this.#startFetchers();
      const waits = [...this.#tracks.values()].map((track) => track.msToRetry());
      await this.#wake.wait(Math.min(...waits), this.#end.signal);
    }
    signal.removeEventListener("abort", end);
    this.#brokers.stop();
    await Promise.all([...this.#fetchers.values()].map((fetcher) => fetcher.done));
    await Promise.all(this.#work);
    if (this.#failure) throw this.#failure.error;
  }

  /** Finds the leaders of partitions that have none, if their time has come. */
  async #assign(): Promise<void> {
    const due = [...this.#tracks.values()].filter((track) => track.msToRetry() === 0);
    if (due.length === 0) return;
    try {
      const find = await this.#brokers.findLeaders(due.map((track) => track.topic));
      for (const track of due) {
        const leader = find(track.topic, track.partition);
        if ("error" in leader) this.#postpone(track, leader.error);
        else {
          track.nodeId = leader.nodeId;
          // It sleeps while the handlers of all its other partitions are at work: they may wait for this one.
          this.#fetchers.get(leader.nodeId)?.wake.notify();
        }
      }
    } catch (cause) {
      const error = toVeilError(cause, "finding the leaders");
      for (const track of due) this.#postpone(track, error);
    }
  }

  #startFetchers(): void {
    for (const { nodeId } of this.#tracks.values()) {
      if (nodeId === undefined || this.#fetchers.has(nodeId)) continue;
      const wake = new Wake();
      const done = this.#fetchFrom(nodeId, wake)
        .catch((error: unknown) => this.#fail(error))
        .finally(() => {
          this.#fetchers.delete(nodeId);
          this.#wake.notify();
        });
      this.#fetchers.set(nodeId, { wake, done });
    }
  }

  /** Asks one broker again and again for all partitions that it leads and whose handlers are idle. */
  async #fetchFrom(nodeId: number, wake: Wake): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      const mine = [...this.#tracks.values()].filter((track) => track.nodeId === nodeId);
      const idle = mine.filter((track) => !track.busy);
      if (mine.length === 0) return;
      if (idle.length === 0) {
        await wake.wait(Number.POSITIVE_INFINITY, signal);
        continue;
      }
      const waitMs = idle.length < mine.length ? SHORT_WAIT_MS : LONG_WAIT_MS;
      const deliveries = await this.#fetch(nodeId, idle, waitMs);
      if (deliveries.length === 0) continue;
      // Mostly they are done at once: then their partitions take part in the next fetch.
      await allDone(deliveries, SHORT_WAIT_MS);
    }
  }

  /** One request; returns the handlers that it set to work. */
  async #fetch(
    nodeId: number,
    tracks: readonly Track[],
    maxWaitMs: number,
  ): Promise<readonly Promise<void>[]> {
    const asked = new Map(tracks.map((track) => [track.key, track]));
    const { kafka, maxBytes, maxPartitionBytes } = this.#options;
    const protocol = fetchProtocol({
      from: tracks.map(({ topic, partition, next }) => ({ topic, partition, offset: next })),
      maxWaitMs,
      maxBytes: maxBytes ?? DEFAULT_MAX_BYTES,
      maxPartitionBytes: maxPartitionBytes ?? DEFAULT_MAX_PARTITION_BYTES,
      timeoutMs: kafka.requestTimeoutMs,
    });
    try {
      const { errorCode, partitions } = await this.#brokers.call(
        nodeId,
        "fetching",
        (broker) => broker.connectionPool.send(protocol),
        "fetches",
      );
      const error = fromErrorCode(errorCode, "fetching");
      if (error) throw error;
      const isAllEmpty = partitions.every(({ records }) => records.length === 0);
      return partitions.flatMap((fetched) => {
        const track = asked.get(trackKey(fetched.topic, fetched.partition));
        if (!track || !this.#isCurrent(track)) return [];
        return this.#take(track, fetched, isAllEmpty || track === tracks[0]) ?? [];
      });
    } catch (cause) {
      const error = toVeilError(cause, "fetching");
      for (const track of tracks) this.#postpone(track, error);
      return [];
    }
  }

  /**
   * Takes one partition of an answer. `isTrulyEmpty`: no records means that there are none up to the high
   * watermark, because compaction removed them, and not that the answer had no room for them.
   */
  #take(
    track: Track,
    { errorCode, records, highWatermark }: FetchedPartition,
    isTrulyEmpty: boolean,
  ): Promise<void> | undefined {
    if (errorCode === OFFSET_OUT_OF_RANGE) return this.#engage(track, () => this.#resume(track));
    try {
      const error = fromErrorCode(errorCode, "fetching");
      if (error) throw error;
      const { messages, nextOffset } = decodeRecordBatches(records, track.next);
      this.#recovered(track);
      const end = isTrulyEmpty && highWatermark > track.next ? highWatermark : track.next;
      const next = nextOffset ?? end;
      if (messages.length > 0)
        return this.#engage(track, () => this.#deliver(track, { messages, highWatermark, next }));
      this.#advance(track, next);
      if (next >= highWatermark) this.#options.onEnd?.(track.topic, track.partition);
    } catch (cause) {
      this.#postpone(track, toVeilError(cause, "fetching"));
    }
    return undefined;
  }

  async #deliver(
    track: Track,
    {
      next,
      messages,
      highWatermark,
    }: Pick<FeedBatch, "messages" | "highWatermark"> & { next: bigint },
  ): Promise<void> {
    // To the end of the order: others are served first the next time.
    this.#tracks.delete(track.key);
    this.#tracks.set(track.key, track);
    const { topic, partition } = track;
    await this.#options.onBatch({ topic, partition, messages, highWatermark });
    this.#advance(track, next);
  }

  /** The leader does not have the offset: says so, and goes on where its log begins. */
  async #resume(track: Track): Promise<void> {
    let loss: OffsetLost;
    try {
      loss = await track.lookForOffset(this.#brokers);
    } catch (cause) {
      this.#postpone(track, toVeilError(cause, "looking for the offset"));
      return;
    }
    track.nodeId = undefined;
    if (!this.#isCurrent(track)) return;
    await this.#options.onLost(loss);
    this.#advance(track, loss.low);
  }

  /** Runs `work` for a partition, which is not fetched meanwhile. */
  #engage(track: Track, work: () => Promise<void>): Promise<void> {
    track.busy = true;
    const done = work()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        track.busy = false;
        this.#work.delete(done);
        for (const { wake } of this.#fetchers.values()) wake.notify();
        this.#wake.notify();
      });
    this.#work.add(done);
    return done;
  }

  #advance(track: Track, next: bigint): void {
    if (next === track.next || !this.#isCurrent(track)) return;
    track.next = next;
    this.#options.onPosition?.(track.topic, track.partition, next);
  }

  #postpone(track: Track, error: VeilError): void {
    if (!this.#isCurrent(track)) return;
    this.#brokers.forget(track.topic);
    const isNew = track.trouble === undefined;
    track.postpone(error);
    if (isNew) this.#options.onTrouble?.(track.topic, track.partition, error);
    this.#wake.notify();
  }

  #recovered(track: Track): void {
    const { trouble } = track;
    track.recovered();
    if (trouble) this.#options.onTrouble?.(track.topic, track.partition, undefined);
  }

  /** Not after it was removed or added anew, nor after the end. */
  #isCurrent(track: Track): boolean {
    return this.#tracks.get(track.key) === track && !this.#end.signal.aborted;
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#end.abort();
  }
}

/** Resolves when all of `work` is done, or after `maxMs`. */
async function allDone(work: readonly Promise<void>[], maxMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, maxMs);
    Promise.all(work).then(() => {
      clearTimeout(timer);
      resolve();
    }, resolve);
  });
}

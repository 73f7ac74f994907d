/** Everything the dashboard shows, kept in memory and bounded; knows what has changed since a client last asked. */
import type { Measurement } from "../consumer/measurements.ts";
import type { Limits } from "./limits.ts";
import { presentable, presentableName } from "./presentable.ts";
import { bucketMsOf, MAX_BUCKETS_OF_ALL } from "./resolution.ts";
import { Series } from "./series.ts";
import { type History, MAX_HIDDEN, type SeriesView } from "./wire.ts";

/** A device chooses its values' names: no more of them are shown than this, in each topic. */
const MAX_SERIES_PER_DEVICE = 64;
/** Of all devices in all topics. */
const MAX_SERIES = 10_000;
/** A device's clock may be ahead of ours by so much; a time beyond it is not believed. */
const MAX_AHEAD_MS = 60_000;
/** 2010: a clock that was never set says 1970. */
const EARLIEST_MS = Date.UTC(2010, 0);

/** One value of one reading. */
export interface Sample extends Pick<Measurement, "name" | "unit" | "value" | "timeMs"> {
  readonly topic: number;
  readonly producer: string;
  /** By our own clock; of what was in Kafka before, by Kafka's. */
  readonly arrivedMs: number;
  /** Whether the device's clock was set. */
  readonly isSynced: boolean;
}

export interface BoardOptions {
  /** Names in clear; their places are the ids. */
  readonly topics: readonly string[];
  readonly limits: Limits;
  readonly historyMs: number;
  /** Buckets of all values together: they share them evenly. */
  readonly maxBucketsOfAll?: number;
}

interface Entry {
  readonly series: Series;
  view: Omit<SeriesView, "buckets">;
  revision: number;
}

export class Board {
  readonly #limits: Limits;
  /** The width of a bucket. */
  readonly bucketMs: number;
  /** Of one value: that many make the whole history. */
  readonly #maxBuckets: number;
  readonly #maxBucketsOfAll: number;
  readonly #topics: readonly string[];
  readonly #entries: Entry[] = [];
  readonly #byKey = new Map<string, Entry>();
  readonly #perDevice = new Map<string, number>();
  /** What is not shown, by topic. */
  readonly #hidden = new Map<number, Set<string>>();
  #revision = 0;

  constructor(options: BoardOptions) {
    this.#topics = options.topics;
    this.#limits = options.limits;
    this.#maxBucketsOfAll = options.maxBucketsOfAll ?? MAX_BUCKETS_OF_ALL;
    this.bucketMs = bucketMsOf(options.historyMs, options.topics.length);
    this.#maxBuckets = Math.ceil(options.historyMs / this.bucketMs);
  }

  /** Grows with every change. */
  get revision(): number {
    return this.#revision;
  }

  add(sample: Sample): void {
    const { producer, arrivedMs, timeMs, isSynced } = sample;
    const value = presentable(sample.value);
    const name = presentableName(sample.name);
    const entry = this.#entryOf({ ...sample, name });
    if (!entry) return;
    this.#revision += 1;
    entry.revision = this.#revision;
    const isPlausible = timeMs >= EARLIEST_MS && timeMs <= arrivedMs + MAX_AHEAD_MS;
    const atMs = isSynced && isPlausible ? timeMs : arrivedMs;
    const unit = sample.unit === null ? entry.view.unit : presentableName(sample.unit);
    entry.view = { ...entry.view, producer, value, unit, timeMs: atMs, arrivedMs, isSynced };
    if (typeof value !== "number") return;
    entry.series.add(atMs, value, this.#revision);
    entry.series.trim(this.#share);
  }

  /** Every series that changed after `revision`, with its changed buckets if they are wanted. */
  since(revision: number, withBuckets: boolean): SeriesView[] {
    return this.#entries
      .filter((entry) => entry.revision > revision)
      .map(({ view, series }) => ({ ...view, buckets: withBuckets ? series.since(revision) : [] }));
  }

  /** All buckets of a topic. */
  history(topic: number): History["series"] {
    return this.#entries
      .filter(({ view }) => view.topic === topic)
      .map(({ view, series }) => ({ id: view.id, buckets: series.since(0) }));
  }

  /** How many values of a topic there are and are not shown; no more than `MAX_HIDDEN` are counted. */
  hidden(topic: number): number {
    return this.#hidden.get(topic)?.size ?? 0;
  }

  /** Buckets that one value may have: of the values there are, each as many. */
  get #share(): number {
    return Math.min(this.#maxBuckets, Math.floor(this.#maxBucketsOfAll / this.#entries.length));
  }

  /** `undefined` where there are too many already. */
  #entryOf(sample: Sample): Entry | undefined {
    const { topic, producer, name, unit, value, timeMs, arrivedMs, isSynced } = sample;
    const device = `${topic}\0${producer}`;
    const key = `${device}\0${name}`;
    const known = this.#byKey.get(key);
    if (known) return known;
    const count = this.#perDevice.get(device) ?? 0;
    if (count >= MAX_SERIES_PER_DEVICE || this.#entries.length >= MAX_SERIES) {
      this.#hide(topic, key);
      return undefined;
    }
    const limits = this.#limits.of(this.#topics[topic] ?? "", name, unit);
    const id = this.#entries.length;
    const entry: Entry = {
      series: new Series(this.bucketMs),
      view: { id, topic, producer, name, unit, value, timeMs, arrivedMs, isSynced, ...limits },
      revision: 0,
    };
    this.#perDevice.set(device, count + 1);
    this.#entries.push(entry);
    this.#byKey.set(key, entry);
    for (const { series } of this.#entries) series.trim(this.#share);
    return entry;
  }

  #hide(topic: number, key: string): void {
    const hidden = this.#hidden.get(topic) ?? new Set();
    this.#hidden.set(topic, hidden);
    if (hidden.size < MAX_HIDDEN) hidden.add(key);
  }
}

/** Everything the dashboard shows, kept in memory and bounded; knows what has changed since a client last asked. */
import type { Measurement } from "../consumer/measurements.ts";
import type { Limits } from "./limits.ts";
import { presentable, presentableName } from "./presentable.ts";
import { BUCKET_MS, Series } from "./series.ts";
import type { History, SeriesView } from "./wire.ts";

/** A device chooses its values' names: no more of them are shown than this for each topic. */
const MAX_SERIES_PER_TOPIC = 64;
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

interface Entry {
  readonly series: Series;
  view: Omit<SeriesView, "buckets">;
  revision: number;
}

export class Board {
  readonly #limits: Limits;
  readonly #maxBuckets: number;
  readonly #topics: readonly string[];
  readonly #entries: Entry[] = [];
  readonly #byKey = new Map<string, Entry>();
  readonly #perTopic = new Map<number, number>();
  #revision = 0;

  constructor(options: { topics: readonly string[]; limits: Limits; historyMs: number }) {
    this.#topics = options.topics;
    this.#limits = options.limits;
    this.#maxBuckets = Math.ceil(options.historyMs / BUCKET_MS);
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
    if (typeof value === "number") entry.series.add(atMs, value, this.#revision);
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

  #entryOf(sample: Sample): Entry | undefined {
    const { topic, producer, name, unit, value, timeMs, arrivedMs, isSynced } = sample;
    const key = `${topic}\0${producer}\0${name}`;
    const known = this.#byKey.get(key);
    const count = this.#perTopic.get(topic) ?? 0;
    if (known || count >= MAX_SERIES_PER_TOPIC) return known;
    const limits = this.#limits.of(this.#topics[topic] ?? "", name, unit);
    const id = this.#entries.length;
    const entry: Entry = {
      series: new Series(this.#maxBuckets),
      view: { id, topic, producer, name, unit, value, timeMs, arrivedMs, isSynced, ...limits },
      revision: 0,
    };
    this.#perTopic.set(topic, count + 1);
    this.#entries.push(entry);
    this.#byKey.set(key, entry);
    return entry;
  }
}

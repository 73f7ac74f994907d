/** What the page knows: merged from the event stream and from the histories it has asked for. No DOM. */
import type { Bucket, History, HopView, SeriesView, TopicView, Update } from "../wire.ts";

export type Series = Omit<SeriesView, "buckets">;

export class Model {
  readonly topics = new Map<number, TopicView>();
  readonly series = new Map<number, Series>();
  /** Changed since they were last drawn. */
  readonly dirty = new Set<number>();
  hops: readonly HopView[] = [];
  ended: Update["ended"] = null;
  /** Whether anything has come from the server yet. */
  isFilled = false;
  #boot: string | null = null;
  /** By how much the server's clock is ahead of ours. */
  #aheadMs = 0;
  readonly #buckets = new Map<number, Bucket[]>();
  /** Topics whose history is here, or on its way. */
  readonly #wanted = new Set<number>();
  readonly #keepMs: number;

  /** Older buckets are forgotten. */
  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  /** By the server's clock. */
  get nowMs(): number {
    return Date.now() + this.#aheadMs;
  }

  /** Takes an event in; whether the server is another one than before, with other ids. */
  apply(update: Update): boolean {
    const isOther = this.#boot !== null && this.#boot !== update.boot;
    if (isOther) this.#forget();
    this.#boot = update.boot;
    this.#aheadMs = update.nowMs - Date.now();
    this.ended = update.ended;
    this.isFilled = true;
    if (update.status) {
      this.hops = update.status.hops;
      for (const topic of update.status.topics) this.topics.set(topic.id, topic);
    }
    for (const { buckets, ...view } of update.series) {
      this.series.set(view.id, view);
      this.dirty.add(view.id);
      if (this.#wanted.has(view.topic)) this.#merge(view.id, buckets);
    }
    return isOther;
  }

  /** Whether the history of `topic` is still to be asked for; from then on its buckets are kept. */
  want(topic: number): boolean {
    if (this.#wanted.has(topic)) return false;
    this.#wanted.add(topic);
    return true;
  }

  /** It did not come. */
  unwant(topic: number): void {
    this.#wanted.delete(topic);
  }

  addHistory({ boot, series }: History): void {
    if (boot !== this.#boot) return;
    for (const { id, buckets } of series) {
      this.#merge(id, buckets);
      this.dirty.add(id);
    }
  }

  /** The buckets of a series that begin at `sinceMs` or later, oldest first. */
  bucketsSince(id: number, sinceMs: number): readonly Bucket[] {
    const all = this.#buckets.get(id) ?? [];
    const first = all.findIndex(([startMs]) => startMs >= sinceMs);
    return first < 0 ? [] : all.slice(first);
  }

  /** Numbers before texts and truths, each by name. */
  seriesOf(topic: number): Series[] {
    const rank = ({ value }: Series): number => (typeof value === "number" ? 0 : 1);
    const byName = (a: Series, b: Series): number =>
      a.name.localeCompare(b.name) || a.producer.localeCompare(b.producer);
    return [...this.series.values()]
      .filter((each) => each.topic === topic)
      .sort((a, b) => rank(a) - rank(b) || byName(a, b));
  }

  ageMs({ arrivedMs }: Pick<Series, "arrivedMs">): number {
    return Math.max(0, this.nowMs - arrivedMs);
  }

  isStale(series: Series): boolean {
    return this.ageMs(series) > series.staleMs;
  }

  #forget(): void {
    for (const map of [this.topics, this.series, this.#buckets]) map.clear();
    this.#wanted.clear();
    this.dirty.clear();
  }

  /** A bucket only grows: of two with one start the fuller one is the newer. */
  #merge(id: number, fresh: readonly Bucket[]): void {
    const known = this.#buckets.get(id) ?? [];
    this.#buckets.set(id, known);
    for (const bucket of fresh) {
      let at = known.length;
      while (at > 0 && (known[at - 1]?.[0] ?? 0) >= bucket[0]) at -= 1;
      const same = known[at];
      if (same?.[0] !== bucket[0]) known.splice(at, 0, bucket);
      else if (same[1] <= bucket[1]) known[at] = bucket;
    }
    const oldest = this.nowMs - this.#keepMs;
    const kept = known.findIndex(([startMs]) => startMs >= oldest);
    if (kept > 0) known.splice(0, kept);
  }
}

/** Beyond its limits; a text and a truth never are. */
export function isOutOfRange({ value, low, high }: Series): boolean {
  if (typeof value !== "number") return false;
  return (low !== null && value < low) || (high !== null && value > high);
}

/** What the page knows: merged from the event stream and from the histories it has asked for. No DOM. */
import type { Bucket, History, HopView, SeriesView, TopicView, Update } from "../wire.ts";

export type Series = Omit<SeriesView, "buckets">;

/** Topics whose buckets are kept: more than are ever in view at once. */
const MAX_TOPICS_KEPT = 60;

/** What is drawn of a series. */
export interface Stretch {
  /** Oldest first. */
  readonly buckets: readonly Bucket[];
  /** Whether something older than these is known: then these are all of their time. */
  readonly isWhole: boolean;
}

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
  /** Topics whose history is here, or on its way; the one that was looked at last comes last. */
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
    const isWanted = this.#wanted.delete(topic);
    this.#wanted.add(topic);
    const [oldest] = this.#wanted;
    if (this.#wanted.size > MAX_TOPICS_KEPT && oldest !== undefined) this.unwant(oldest);
    return !isWanted;
  }

  /** It did not come, or is not looked at any more. */
  unwant(topic: number): void {
    this.#wanted.delete(topic);
    for (const { id, topic: its } of this.series.values())
      if (its === topic) this.#buckets.delete(id);
  }

  addHistory({ boot, series }: History): void {
    if (boot !== this.#boot) return;
    for (const { id, buckets } of series) {
      this.#merge(id, buckets);
      this.dirty.add(id);
    }
  }

  /** The buckets of a series that begin at `sinceMs` or later. */
  stretch(id: number, sinceMs: number): Stretch {
    const all = this.#buckets.get(id) ?? [];
    const first = indexOf(all, sinceMs);
    return { buckets: all.slice(first), isWhole: first > 0 };
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
      const at = indexOf(known, bucket[0]);
      const same = known[at];
      if (same?.[0] !== bucket[0]) known.splice(at, 0, bucket);
      else if (same[1] <= bucket[1]) known[at] = bucket;
    }
    known.splice(0, indexOf(known, this.nowMs - this.#keepMs));
  }
}

/** The first place whose start is not before `startMs`. */
function indexOf(buckets: readonly Bucket[], startMs: number): number {
  let [low, high] = [0, buckets.length];
  // Almost always the last one, or the one after it.
  if ((buckets.at(-1)?.[0] ?? startMs) < startMs) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((buckets[middle]?.[0] ?? 0) < startMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Beyond its limits; a text and a truth never are. */
export function isOutOfRange({ value, low, high }: Series): boolean {
  if (typeof value !== "number") return false;
  return (low !== null && value < low) || (high !== null && value > high);
}

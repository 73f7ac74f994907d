/** Which part of a topic is read: from where on, and until when. Times are those at which Kafka took a record. */
import { isVeilError } from "../../core/errors.ts";
import type { StartQuestion } from "../../core/ports/kafka/consumer.ts";
import type { KafkaMessage } from "../../core/ports/kafka/record-batch.ts";
import { pause } from "../../core/runtime/backoff.ts";

const POLL_MS = 100;
/** No timer of Node.js waits longer than 24 days. */
const MAX_PAUSE_MS = 3_600_000;

/**
 * `checkpoint`: where the last run stopped, and everything where there was none. `latest`: what comes from now on; a
 * topic that appears later is read from its beginning. A time, with at most `maxRecords` of each partition's past.
 */
export type From =
  | "checkpoint"
  | "beginning"
  | "latest"
  | { readonly sinceMs: number; readonly maxRecords?: number };

/** The first offset to read. `isNew`: the topic was not there when we began. Throws what is retryable. */
export async function firstOffset(
  from: Exclude<From, "checkpoint">,
  { low, high, offsetAt }: Pick<StartQuestion, "low" | "high" | "offsetAt">,
  isNew: boolean,
): Promise<bigint> {
  if (from === "beginning") return low;
  if (from === "latest") return isNew ? low : high;
  const { sinceMs, maxRecords } = from;
  const first = await offsetAt(sinceMs);
  const capped = maxRecords === undefined ? low : high - BigInt(maxRecords);
  return first > capped ? first : capped > low ? capped : low;
}

/** A partition that is read until a time. */
interface Stretch {
  /** Everything before it has been read. */
  position: bigint;
  /** Where the time lies; `null` until it has come and Kafka has said so. */
  end: bigint | null;
  readonly offsetAt: StartQuestion["offsetAt"];
}

/** Knows when everything has been read that Kafka took before a time. */
export class Until {
  readonly atMs: number;
  readonly #stretches = new Map<string, Stretch>();

  /** `atMs`: milliseconds since 1970. */
  constructor(atMs: number) {
    this.atMs = atMs;
  }

  /** Those of `messages` that Kafka took before the time. */
  cut(messages: readonly KafkaMessage[]): readonly KafkaMessage[] {
    return messages.filter(({ timestampMs }) => timestampMs < this.atMs);
  }

  /** A partition is read from `position` on. */
  begin(key: string, position: bigint, offsetAt: Stretch["offsetAt"]): void {
    this.#stretches.set(key, { position, end: null, offsetAt });
  }

  /** A partition is not read any more. */
  drop(key: string): void {
    this.#stretches.delete(key);
  }

  /** Everything of a partition before `position` has been read. */
  moved(key: string, position: bigint): void {
    const stretch = this.#stretches.get(key);
    if (stretch) stretch.position = position;
  }

  /**
   * Resolves with `true` when all has been read, once `isComplete` says that every partition has begun; with `false`
   * if `signal` aborts first. Throws AUTH.
   */
  async wait(isComplete: () => boolean, signal: AbortSignal): Promise<boolean> {
    for (let leftMs = this.#leftMs; leftMs > 0; leftMs = this.#leftMs)
      if (!(await pause(Math.min(leftMs, MAX_PAUSE_MS), signal))) return false;
    do {
      try {
        if (isComplete() && (await this.#isReached())) return true;
      } catch (error) {
        if (!isVeilError(error) || !error.retryable) throw error;
      }
    } while (await pause(POLL_MS, signal));
    return false;
  }

  get #leftMs(): number {
    return this.atMs - Date.now();
  }

  async #isReached(): Promise<boolean> {
    for (const stretch of this.#stretches.values()) {
      stretch.end ??= await stretch.offsetAt(this.atMs);
      if (stretch.position < stretch.end) return false;
    }
    return true;
  }
}

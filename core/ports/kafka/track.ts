/** One partition that a feed reads: where it is, and who is asked for it. */
import { VeilError } from "../../errors.ts";
import { Backoff } from "../../runtime/backoff.ts";
import type { Brokers } from "./brokers.ts";
import { listOffsets } from "./offsets.ts";

const RETRY = { minMs: 100, maxMs: 10_000 };
/**
 * How often a log must turn out shorter than what was read before it counts as cut back: for some seconds after
 * a change a stale leader may answer, and starting over for its sake would read everything again.
 */
const CONFIRMATIONS = 8;

/** The wanted offset is not there (any more). */
export interface OffsetLost {
  readonly topic: string;
  readonly partition: number;
  readonly wanted: bigint;
  /** Reading goes on here: the first offset that is there. */
  readonly low: bigint;
  readonly high: bigint;
  /**
   * Offsets between `wanted` and `low`: deleted unread. 0 if the log ends before `wanted`: it was cut back or
   * made anew, and is read again from its beginning.
   */
  readonly lost: bigint;
}

export class Track {
  readonly topic: string;
  readonly partition: number;
  /** The next offset to read. */
  next: bigint;
  /** The broker that is asked; `undefined` until a leader is found. */
  nodeId: number | undefined;
  /** A batch is with the handler, or the offset is being looked into: not fetched meanwhile. */
  busy = false;
  /** Since the last answer that could be used. */
  trouble: VeilError | undefined;
  #retryAt = 0;
  #shorter = 0;
  readonly #backoff = new Backoff(RETRY);

  constructor(from: {
    readonly topic: string;
    readonly partition: number;
    readonly offset: bigint;
  }) {
    this.topic = from.topic;
    this.partition = from.partition;
    this.next = from.offset;
  }

  get key(): string {
    return trackKey(this.topic, this.partition);
  }

  /** How long until its leader is to be looked for; Infinity if it has one or is busy. */
  msToRetry(): number {
    if (this.busy || this.nodeId !== undefined) return Number.POSITIVE_INFINITY;
    return Math.max(0, this.#retryAt - Date.now());
  }

  /** After a failure: its leader is looked for again, later. */
  postpone(error: VeilError): void {
    this.nodeId = undefined;
    this.trouble = error;
    this.#retryAt = Date.now() + this.#backoff.nextMs();
  }

  /** After an answer that could be used. */
  recovered(): void {
    this.trouble = undefined;
    this.#shorter = 0;
    this.#backoff.reset();
  }

  /**
   * Asks the leader where its log begins and ends, because it said that it does not have `next`. Throws what is
   * retryable, such as that it seems to have it after all.
   */
  async lookForOffset(brokers: Brokers): Promise<OffsetLost> {
    const { topic, partition, next: wanted } = this;
    brokers.forget(topic);
    for (const { low, high } of await listOffsets(brokers, topic, [partition])) {
      if (wanted < low) return { topic, partition, wanted, low, high, lost: low - wanted };
      if (wanted > high && ++this.#shorter >= CONFIRMATIONS)
        return { topic, partition, wanted, low, high, lost: 0n };
    }
    throw new VeilError("UNAVAILABLE", "the leader does not have the offset yet");
  }
}

export function trackKey(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

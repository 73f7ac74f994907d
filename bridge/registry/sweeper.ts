/**
 * Takes entries out of a registry whose keys nothing can be sealed with any more (PROTOCOL.md §4). A kid that was used
 * last at some time may be in Kafka, or still come, until
 *
 *   a device stops sealing with it ─── 7 days ──► its outbox lets go of it ──► Kafka's retention ──► the segment goes
 *
 * All times are Kafka's: an entry's age is how much later the newest entry was written. A bridge whose clock is wrong
 * takes nothing away, and a registry that is not written to keeps everything.
 */
import { isVeilError } from "../../core/errors.ts";
import { pause } from "../../core/runtime/backoff.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { IndexPlace, IndexRealm } from "./local-index.ts";

const DAY_MS = 24 * 3600 * 1000;
/** A device makes a new key after so long, and a record of the old one is sealed until then (PROTOCOL.md §3). */
const KEY_LIFE_MS = 7 * DAY_MS;
/** Kafka deletes whole segments: a record goes with the last of its segment, which holds a week (`log.roll.hours`). */
const SEGMENT_MS = 7 * DAY_MS;
const MARGIN_MS = KEY_LIFE_MS + SEGMENT_MS;
/** Between two sweeps; bridges that start together do not sweep together. */
const PAUSE = { minMs: 3 * 3600 * 1000, maxMs: 6 * 3600 * 1000 } as const;
/** Of one sweep: more is left for the next. */
const MAX_REMOVED = 20_000;

export interface SweeperOptions {
  readonly realm: Pick<IndexRealm, "unusedSince" | "usedAtMs">;
  /** When the newest entry was written, by Kafka's clock; 0 where none was read since the start. */
  readonly newestAtMs: () => number;
  /** The longest that devices' outboxes keep what nobody took. */
  readonly outboxMaxAgeMs: number;
  /** The tenant's retention now. */
  readonly retentionMs: () => number;
  /** That of the topic which an entry's records are in: it was made with the tenant's of that day. */
  readonly topicRetentionMs: (place: IndexPlace) => Promise<number>;
  /** Resolves when all that other bridges wrote is in the realm. */
  readonly readToEnd: () => Promise<void>;
  /** Deletes the entry for all bridges. */
  readonly remove: (place: IndexPlace) => Promise<void>;
  readonly log: Logger;
  /** For tests, which do not wait weeks. */
  readonly marginMs?: number;
}

export class Sweeper {
  readonly #options: SweeperOptions;
  readonly #stopping = new AbortController();
  #sweeping: Promise<void> | undefined;

  constructor(options: SweeperOptions) {
    this.#options = options;
  }

  /** Sweeps a few times a day until `stop()`. */
  start(): void {
    this.#sweeping ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#sweeping;
  }

  /** Once; returns how many entries it removed. Rejects as Kafka does: the next sweep begins anew. */
  async sweep(): Promise<number> {
    const { realm, newestAtMs, readToEnd, retentionMs, topicRetentionMs, remove } = this.#options;
    if (newestAtMs() === 0) return 0;
    await readToEnd();
    const nowMs = newestAtMs();
    let removed = 0;
    for await (const place of realm.unusedSince(nowMs - this.#lifeMs(retentionMs()))) {
      if (removed >= MAX_REMOVED || this.#stopping.signal.aborted) break;
      const kept = Math.max(retentionMs(), await topicRetentionMs(place));
      // As of now: it may have been used again meanwhile.
      const usedAtMs = await realm.usedAtMs(place);
      if (usedAtMs === undefined || usedAtMs >= nowMs - this.#lifeMs(kept)) continue;
      await remove(place);
      removed += 1;
    }
    return removed;
  }

  #lifeMs(retentionMs: number): number {
    const { outboxMaxAgeMs, marginMs = MARGIN_MS } = this.#options;
    return outboxMaxAgeMs + retentionMs + marginMs;
  }

  async #run(): Promise<void> {
    const { log } = this.#options;
    const { signal } = this.#stopping;
    const { minMs, maxMs } = PAUSE;
    while (await pause(minMs + Math.random() * (maxMs - minMs), signal)) {
      try {
        const removed = await this.sweep();
        if (removed > 0) log.info({ removed }, "keys that nobody can use any more are forgotten");
      } catch (error) {
        if (signal.aborted) return;
        if (!isVeilError(error) || !error.retryable)
          log.error({ err: error }, "the registry cannot be swept");
        else log.warn({ err: error }, "the registry cannot be swept now");
      }
    }
  }
}

/** What an outbox is told, and what it tells. */
import type { VeilError } from "../../../core/errors.ts";
import type { MachineClock } from "./age-clock.ts";

export interface OutboxOptions {
  /** Where the segments are; made if missing. */
  readonly folder: string;
  /** Where refused records are kept. */
  readonly rejectedFolder: string;
  /** At most one fsync in this time. Default 200. */
  readonly syncIntervalMs?: number;
  /** An earlier fsync once this many bytes wait. Default 65,536. */
  readonly syncBytes?: number;
  /** A new segment file at this size. Default 1 MiB. */
  readonly segmentBytes?: number;
  /** The bound on disk. Default 1 GiB: a month at one reading a second. At least four segments. */
  readonly maxBytes?: number;
  /**
   * The bound on age: what is older is dropped (policy `oldest`), or nothing more is taken as long as something is
   * (`newest`). A segment goes as a whole, up to a sixteenth of this late. Default 60 days.
   */
  readonly maxAgeMs?: number;
  /** At a bound: drop the oldest records (default), or refuse the newest with LIMIT. */
  readonly policy?: "oldest" | "newest";
  /** The clocks of the machine; a test brings its own. */
  readonly machine?: MachineClock;
  /** Told of what an operator should know. Must not throw. */
  readonly onReport?: (report: OutboxReport) => void;
}

/** Something that an operator should know; for the log and the metrics. */
export type OutboxReport =
  /** On opening: a write that a crash interrupted was cut off. Nothing taken is lost. */
  | { readonly event: "torn"; readonly bytes: number }
  /** On opening, or when a segment is read for the first time: damage. `entries` is the most that can be lost. */
  | { readonly event: "damaged"; readonly bytes: number; readonly entries: number }
  /** Unsent records were dropped at a bound (policy `oldest`). */
  | { readonly event: "dropped"; readonly records: number; readonly bound: "bytes" | "age" }
  /** So many refused records were removed from `rejected/`, the oldest: it has a bound, too. */
  | { readonly event: "rejected-dropped"; readonly records: number }
  /** The disk refused something; appends fail meanwhile. Repeated for every failed attempt. */
  | { readonly event: "disk"; readonly error: VeilError }
  /** The first success after that. */
  | { readonly event: "disk-ok" };

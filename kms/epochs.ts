/**
 * The life of an epoch (PROTOCOL.md §4, "Epochs"): arithmetic on the master file's list, which is sorted.
 *
 *   rotation ──── grace ────► tagsUntil ──── retention ────► recordsUntil
 *   both epochs work          its names end: no alias,       its records end: no record taken, no key
 *                             no match; tag halves go        released; the epoch goes as a whole
 *
 * The head tells bridges both times, so that they stop by themselves; `retire` takes the halves away after them.
 */
import { VeilError } from "../core/errors.ts";
import type { Master } from "../core/scheme/owner.ts";
import { MAX_EPOCHS } from "../core/wire/parameters.ts";
import type { MasterEpoch } from "./master-file.ts";
import { checkTime } from "./time-text.ts";

const DAY_MS = 24 * 3600 * 1000;
/** The longest that an outbox holds records which nobody has taken: `outbox.maxAgeDays` of agent.yaml, unless changed. */
export const DEFAULT_GRACE_MS = 60 * DAY_MS;

/** No tenant gives out so many; a restored one begins above it. */
const MIN_RESTORED_SERIAL = 1_000_000_000;

export interface NewEpoch {
  /** As {@link nextEpoch} gives it. */
  readonly epoch: number;
  readonly master: Master;
  readonly graceMs: number;
  /** How long Kafka keeps records. */
  readonly retentionMs: number;
  readonly nowMs: number;
  /** Nothing of the older epochs stays. */
  readonly compromised: boolean;
}

/** Throws LIMIT where too many epochs count already. */
export function checkRoom(epochs: readonly MasterEpoch[], nowMs: number): void {
  if (retired(epochs, nowMs).length >= MAX_EPOCHS)
    throw new VeilError("LIMIT", `${MAX_EPOCHS} epochs count already`, {
      hint: "wait until the oldest has ended (`veilmq kms show`), or rotate with --compromised",
    });
}

/**
 * A number that no keys have had, though a backup may not know of a rotation since: clients refuse other keys under a
 * number that they know. The serials of a restored tenant count from the clock, in milliseconds (`backup/restore.ts`);
 * its epochs do so in seconds.
 */
export function nextEpoch(epochs: readonly MasterEpoch[], lastSerial: number): number {
  const restored = lastSerial < MIN_RESTORED_SERIAL ? 0 : Math.floor(lastSerial / 1_000);
  return Math.max(newestOf(epochs).epoch + 1, restored);
}

/** With a new epoch at the end. Throws BAD_ARGUMENT for ends that the master file cannot hold. */
export function withNewEpoch(epochs: readonly MasterEpoch[], added: NewEpoch): MasterEpoch[] {
  const { epoch: number, master, graceMs, retentionMs, nowMs, compromised } = added;
  const kept = compromised ? [] : retired(epochs, nowMs);
  const tagsUntilMs = nowMs + graceMs;
  const ends = { tagsUntilMs, recordsUntilMs: tagsUntilMs + retentionMs };
  checkTime(ends.recordsUntilMs, "the end of the epoch before");
  const older = kept.map((epoch) =>
    epoch.tagsUntilMs === undefined ? { ...epoch, ...ends } : epoch,
  );
  return [...older, { epoch: number, master }];
}

/** Without the epochs whose records have ended; those whose grace window is over are marked. */
export function retired(epochs: readonly MasterEpoch[], nowMs: number): MasterEpoch[] {
  return epochs
    .filter(({ recordsUntilMs = Infinity }) => nowMs < recordsUntilMs)
    .map((epoch) =>
      nowMs < (epoch.tagsUntilMs ?? Infinity) || epoch.tagsRetired
        ? epoch
        : { ...epoch, tagsRetired: true as const },
    );
}

export function newestOf(epochs: readonly MasterEpoch[]): MasterEpoch {
  const newest = epochs.at(-1);
  if (!newest) throw new VeilError("INTERNAL", "a tenant has an epoch");
  return newest;
}

/** What `retire` will take away, and when. */
export interface Due {
  readonly epoch: number;
  readonly what: "tags" | "records";
  readonly atMs: number;
}

/** The next that is due, also where it is overdue; `null` where one epoch is all there is. */
export function nextDue(epochs: readonly MasterEpoch[]): Due | null {
  const dues = epochs.flatMap(({ epoch, tagsUntilMs, recordsUntilMs, tagsRetired }): Due[] => [
    ...(tagsUntilMs === undefined || tagsRetired
      ? []
      : [{ epoch, what: "tags" as const, atMs: tagsUntilMs }]),
    ...(recordsUntilMs === undefined
      ? []
      : [{ epoch, what: "records" as const, atMs: recordsUntilMs }]),
  ]);
  return dues.sort((a, b) => a.atMs - b.atMs)[0] ?? null;
}

/** Times and epochs, as `kms` commands print them. */
import type { Due } from "../../kms/epochs.ts";
import type { ShownEpoch } from "../../kms/show.ts";

export const DAY_MS = 24 * 3_600 * 1_000;

/** A day in UTC, with the time where it is not its first moment; `-` for none. */
export function dateOf(timeMs: number | null): string {
  if (timeMs === null) return "-";
  const text = new Date(timeMs).toISOString();
  return timeMs % DAY_MS === 0 ? text.slice(0, 10) : `${text.slice(0, 19)}Z`;
}

export function suiteOf({ suite, bits }: Pick<ShownEpoch, "suite" | "bits">): string {
  return bits === undefined ? suite : `${suite}, ${bits} bits`;
}

/** What an epoch is, and until when. */
export function untilOf(epoch: ShownEpoch): string {
  const { tagsUntilMs, recordsUntilMs } = epoch;
  if (tagsUntilMs === null) return `${suiteOf(epoch)}, the newest`;
  return `${suiteOf(epoch)}, names until ${dateOf(tagsUntilMs)}, records until ${dateOf(recordsUntilMs)}`;
}

/** What is taken away next, and when. */
export function dueOf({ epoch, what, atMs }: Due): string {
  const taken = what === "tags" ? `the tag halves of epoch ${epoch}` : `epoch ${epoch} as a whole`;
  return `veilmq kms rotate --retire takes away ${taken}, from ${dateOf(atMs)} on`;
}

/** What a medium did not keep. */
import type { Ledger } from "./ledger.ts";
import type { Segment } from "./segment.ts";
import type { SegmentContent } from "./segment-file.ts";

export interface Damage {
  /** Bytes that were written and cannot be believed any more. */
  readonly bytes: number;
  /** Entries that it cost. */
  readonly entries: number;
}

/** Compares what the footer of a segment said with what is there, and counts that; null where nothing is damaged. */
export function checkFooter(
  ledger: Ledger,
  segment: Segment,
  { size, scanned }: SegmentContent,
): Damage | null {
  segment.isRead = true;
  const bytes = scanned ? scanned.damagedBytes + size - scanned.goodBytes : size;
  if (bytes === 0) return null;
  const before = segment.count;
  ledger.recount(segment, scanned?.entries ?? []);
  return { bytes, entries: before - segment.count };
}

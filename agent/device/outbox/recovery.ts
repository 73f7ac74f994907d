/**
 * Opening the folder: what is there, what was torn, what is damaged. Of a segment that has a footer only that is read, and
 * the segment itself before its entries are needed (residents.ts): a month's backlog is open in a second. Others are read
 * whole, one at a time.
 *
 * Only the newest segment can have a torn tail (an older one was complete when its successor began): it is
 * cut. Damage elsewhere is passed over; the gap in the sequences says what it cost.
 */
import { open, readdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Stamp } from "./age-clock.ts";
import { type LogEntry, type Mark, OVERHEAD_BYTES, type ScannedSegment } from "./codec.ts";
import { checkFooter, type Damage } from "./damage.ts";
import type { StreamId } from "./entry.ts";
import { Ledger } from "./ledger.ts";
import { Segment, segmentNumber, segmentPath } from "./segment.ts";
import { readContent, readFooter } from "./segment-file.ts";

const UNKNOWN = Number.POSITIVE_INFINITY;

/** What opening found. */
export interface Recovery {
  readonly ledger: Ledger;
  /** The first sequence that was certainly never given out. */
  readonly nextSequence: number;
  /** The newest segment's entries, for going on in it; null where there is none. */
  readonly newest: { readonly segment: Segment; readonly entries: readonly LogEntry[] } | null;
  /** From where the age clock goes on; null in a new outbox. */
  readonly stamp: Stamp | null;
  /** Bytes cut from the end: writes that a crash interrupted, never reported as taken. */
  readonly tornBytes: number;
  /** Of the segments that were read. Its entries at most: sequences that failed appends left unused are counted too. */
  readonly damage: Damage;
}

/** Reads `folder`. Throws what the file system does, BAD_DOCUMENT on an unknown version. */
export async function recover(folder: string): Promise<Recovery> {
  const numbers = await segmentNumbers(folder);
  const ledger = new Ledger();
  const marks = new Map<StreamId, number>();
  const damage = { bytes: 0, entries: 0 };
  let tornBytes = 0;
  let newest: Recovery["newest"] = null;
  let stamp: Stamp | null = null;
  let cutBytes = 0;
  for (const [i, first] of numbers.entries()) {
    // A dropped segment whose announcements were carried into the one before (retention.ts).
    if (first <= ledger.last) {
      await unlink(segmentPath(folder, first));
      continue;
    }
    const next = numbers[i + 1];
    // The newest is read whole: its end may be torn, or written on behind a footer.
    const known = next === undefined ? null : await readFooter(segmentPath(folder, first));
    if (known) {
      const { size, footer } = known;
      const segment = new Segment({ folder, first, bytes: size, bornMs: footer.bornMs });
      stamp = footer.stamp;
      ledger.segments.push(segment);
      ledger.addFooter(segment, footer.rows);
      for (const row of footer.rows) raise(marks, row);
      continue;
    }
    const { size, scanned } = await readContent(segmentPath(folder, first));
    const bornMs = scanned?.stamps?.first.ageMs ?? UNKNOWN;
    const segment = new Segment({ folder, first, bytes: size, bornMs });
    stamp = scanned?.stamps?.last ?? stamp;
    ledger.segments.push(segment);
    for (const entry of scanned?.entries ?? []) ledger.add(segment, entry);
    for (const mark of scanned?.marks ?? []) raise(marks, mark);
    const badBytes = size - (scanned?.goodBytes ?? 0);
    const torn = next === undefined && scanned !== null;
    if (torn) newest = await closeTail(ledger, segment, scanned);
    else if (next !== undefined && badBytes > 0)
      damage.entries += next - 1 - Math.max(ledger.last, first - 1);
    damage.entries += scanned?.lostEntries ?? 0;
    damage.bytes += (scanned?.damagedBytes ?? 0) + (torn ? 0 : badBytes);
    tornBytes = torn ? badBytes : 0;
    cutBytes = badBytes;
  }
  dateSegments(ledger, stamp);
  await settle(ledger, marks, damage);
  // What was cut may have been given out: a sequence is never used twice.
  const skipped = Math.ceil(cutBytes / OVERHEAD_BYTES);
  const nextSequence = Math.max(ledger.last + 1, numbers.at(-1) ?? 1) + skipped;
  return { ledger, nextSequence, newest, stamp, tornBytes, damage };
}

/** A segment without a stamp is as old as the next one that has one: younger, if anything, than it is. */
function dateSegments({ segments }: Ledger, last: Stamp | null): void {
  let bornMs = last?.ageMs ?? 0;
  for (const segment of segments.toReversed()) {
    if (segment.bornMs === UNKNOWN) segment.bornMs = bornMs;
    bornMs = segment.bornMs;
  }
}

/** Cuts what is torn off the newest segment; one that has not even a header goes. */
async function closeTail(
  ledger: Ledger,
  segment: Segment,
  { goodBytes, entries }: ScannedSegment,
): Promise<Recovery["newest"]> {
  if (goodBytes === 0) {
    ledger.remove(segment);
    await unlink(segment.path);
    return null;
  }
  if (goodBytes < segment.bytes) await cut(segment.path, goodBytes);
  segment.bytes = goodBytes;
  return { segment, entries };
}

/** The segments there, oldest first; removes what an interrupted rewrite left. */
async function segmentNumbers(folder: string): Promise<number[]> {
  const numbers: number[] = [];
  for (const name of await readdir(folder)) {
    const number = segmentNumber(name);
    if (number !== null) numbers.push(number);
    else if (name.endsWith(".tmp")) await unlink(join(folder, name));
  }
  return numbers.sort((a, b) => a - b);
}

async function cut(path: string, goodBytes: number): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.truncate(goodBytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

function raise(marks: Map<StreamId, number>, { stream, acknowledged }: Mark): void {
  marks.set(stream, Math.max(acknowledged, marks.get(stream) ?? 0));
}

/** Applies the marks: reads the one segment of each stream that its mark falls into. Adds to `damage`. */
async function settle(
  ledger: Ledger,
  marks: ReadonlyMap<StreamId, number>,
  damage: { bytes: number; entries: number },
): Promise<void> {
  for (const [stream, sequence] of marks) {
    const inside = ledger.segments.findLast((segment) => segment.first <= sequence);
    let ordinal = 0;
    if (inside && sequence < (inside.tallies.get(stream)?.last ?? 0)) {
      const content = await readContent(inside.path);
      const found = inside.isRead ? null : checkFooter(ledger, inside, content);
      damage.bytes += found?.bytes ?? 0;
      damage.entries += found?.entries ?? 0;
      const own = content.scanned?.entries.filter((entry) => entry.stream === stream) ?? [];
      ordinal = own.filter((entry) => entry.sequence <= sequence).length;
    }
    ledger.acknowledge({ stream, sequence, ordinal });
  }
}

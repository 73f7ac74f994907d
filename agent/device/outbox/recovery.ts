/**
 * Opening the folder: what is there, what was torn, what is damaged. Reads every segment once, one at a
 * time; a month's backlog on a slow card takes some tens of seconds.
 *
 * Only the newest segment can have a torn tail (an older one was complete when its successor began): it is
 * cut. Damage elsewhere is passed over; the gap in the sequences says what it cost.
 */
import { open, readdir, readFile, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Stamp } from "./age-clock.ts";
import {
  type LogEntry,
  type Mark,
  OVERHEAD_BYTES,
  type ScannedSegment,
  scanSegment,
} from "./codec.ts";
import type { StreamId } from "./entry.ts";
import { Ledger } from "./ledger.ts";
import { Segment, segmentNumber, segmentPath } from "./segment.ts";

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
  /** Bytes that were written and cannot be believed any more. */
  readonly damagedBytes: number;
  /** Entries lost to damage, at most: sequences that failed appends left unused are counted too. */
  readonly lostEntries: number;
}

/** Reads `folder`. Throws what the file system does, BAD_DOCUMENT on an unknown version. */
export async function recover(folder: string): Promise<Recovery> {
  const numbers = await segmentNumbers(folder);
  const ledger = new Ledger();
  const marks = new Map<StreamId, number>();
  const found = { tornBytes: 0, damagedBytes: 0, lostEntries: 0 };
  let newest: Recovery["newest"] = null;
  let stamp: Stamp | null = null;
  let cutBytes = 0;
  for (const [i, first] of numbers.entries()) {
    // A dropped segment whose announcements were carried into the one before (retention.ts).
    if (first <= ledger.last) {
      await unlink(segmentPath(folder, first));
      continue;
    }
    const { size, scanned } = await readSegment(segmentPath(folder, first));
    const bornMs = scanned?.stamps?.first.ageMs ?? UNKNOWN;
    const segment = new Segment({ folder, first, bytes: size, bornMs });
    stamp = scanned?.stamps?.last ?? stamp;
    ledger.segments.push(segment);
    for (const entry of scanned?.entries ?? []) ledger.add(segment, entry);
    for (const mark of scanned?.marks ?? []) raise(marks, mark);
    const badBytes = size - (scanned?.goodBytes ?? 0);
    const next = numbers[i + 1];
    const torn = next === undefined && scanned !== null;
    if (torn) newest = await closeTail(ledger, segment, scanned);
    else if (next !== undefined && badBytes > 0)
      found.lostEntries += next - 1 - Math.max(ledger.last, first - 1);
    found.lostEntries += scanned?.lostEntries ?? 0;
    found.damagedBytes += (scanned?.damagedBytes ?? 0) + (torn ? 0 : badBytes);
    found.tornBytes = torn ? badBytes : 0;
    cutBytes = badBytes;
  }
  dateSegments(ledger, stamp);
  await settle(ledger, marks);
  // What was cut may have been given out: a sequence is never used twice.
  const skipped = Math.ceil(cutBytes / OVERHEAD_BYTES);
  const nextSequence = Math.max(ledger.last + 1, numbers.at(-1) ?? 1) + skipped;
  return { ledger, nextSequence, newest, stamp, ...found };
}

/** A segment without a stamp is as old as the next one that has one: younger, if anything, than it is. */
function dateSegments({ segments }: Ledger, last: Stamp | null): void {
  let bornMs = last?.ageMs ?? 0;
  for (const segment of segments.toReversed()) {
    if (segment.bornMs === UNKNOWN) segment.bornMs = bornMs;
    bornMs = segment.bornMs;
  }
}

/** A segment's size and content; no content where the medium does not give it back (EIO). */
async function readSegment(
  path: string,
): Promise<{ size: number; scanned: ScannedSegment | null }> {
  try {
    const bytes = await readFile(path);
    return { size: bytes.length, scanned: scanSegment(bytes) };
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EIO")) throw error;
    return { size: (await stat(path)).size, scanned: null };
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

/** Applies the marks: reads the one segment of each stream that its mark falls into once more. */
async function settle(ledger: Ledger, marks: ReadonlyMap<StreamId, number>): Promise<void> {
  for (const [stream, sequence] of marks) {
    const inside = ledger.segments.findLast((segment) => segment.first <= sequence);
    const tally = inside?.tallies.get(stream);
    const ordinal =
      inside && tally && sequence < tally.last
        ? scanSegment(await readFile(inside.path)).entries.filter(
            (entry) => entry.stream === stream && entry.sequence <= sequence,
          ).length
        : 0;
    ledger.acknowledge({ stream, sequence, ordinal });
  }
}

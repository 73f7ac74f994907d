/** Making room: what is done is unlinked; at the bound with policy `oldest`, what is oldest too. */
import { unlink } from "node:fs/promises";
import { replaceFile } from "../../../core/runtime/files.ts";
import { encodeBatch, segmentHeader } from "./codec.ts";
import type { StoredEntry, StreamId } from "./entry.ts";
import type { Ledger } from "./ledger.ts";
import type { Residents } from "./residents.ts";
import { Segment } from "./segment.ts";

const FILE_MODE = 0o600;

/** What the functions here work on. */
export interface Store {
  readonly folder: string;
  readonly ledger: Ledger;
  readonly residents: Residents;
}

/**
 * Segments in which everything is acknowledged: `prefix`, those before the first that is not, can go as
 * they are. `scattered`, those behind it, hold marks about segments that stay: without these marks
 * acknowledged records would come back after a restart, so all marks must be on disk again before they go.
 * The newest segment always stays: its name keeps the sequence.
 */
export function doneSegments(ledger: Ledger): { prefix: Segment[]; scattered: Segment[] } {
  const old = ledger.segments.slice(0, -1);
  const first = old.findIndex((segment) => segment.pending > 0);
  const prefix = first < 0 ? old : old.slice(0, first);
  const scattered = old.slice(prefix.length).filter((segment) => segment.pending === 0);
  return { prefix, scattered };
}

/** Removes segments, files and all. Throws what the file system does; those before are gone then. */
export async function removeSegments(
  { ledger, residents }: Store,
  segments: readonly Segment[],
): Promise<void> {
  for (const segment of segments) {
    await unlink(segment.path);
    ledger.remove(segment);
    residents.forget(segment);
  }
}

/**
 * How many segments, from the oldest on, hold nothing that came at `limitMs` of the age clock or later: a segment takes
 * entries for `spanMs` from its birth, and none after its successor's. The newest is never among them.
 */
export function expiredSegments(
  { segments }: Ledger,
  { limitMs, spanMs }: { limitMs: number; spanMs: number },
): number {
  const isFresh = (segment: Segment, i: number): boolean => {
    const next = segments[i + 1];
    return !next || Math.min(next.bornMs, segment.bornMs + spanMs) >= limitMs;
  };
  return Math.max(0, segments.findIndex(isFresh));
}

/**
 * Drops the oldest of the first `count` segments that holds unsent records, but not the announcements its later records
 * need: the last unsent one of each stream is carried in a small segment at the front. Returns the number of
 * records dropped; null where nothing is left to drop. Throws what the file system does.
 */
export async function dropOldest(store: Store, count: number): Promise<number | null> {
  const victims: Segment[] = [];
  const carried = new Map<StreamId, StoredEntry>();
  let records = 0;
  for (const segment of store.ledger.segments.slice(0, count)) {
    victims.push(segment);
    const pending = await pendingEntries(store, segment);
    // A segment that cannot be read any more must not stand in the way for ever.
    if (pending === null) records += segment.pending;
    for (const entry of pending ?? []) {
      if (entry.kind === "announcement") carried.set(entry.stream, entry);
      else records++;
    }
    if (records > 0) break;
  }
  if (records === 0) return null;
  await replace(store, victims, [...carried.values()]);
  return records;
}

/** What is not acknowledged in `segment`, in order; null if the disk does not give it. */
async function pendingEntries(
  { ledger, residents }: Store,
  segment: Segment,
): Promise<StoredEntry[] | null> {
  const entries = await residents.get(segment).catch(() => null);
  if (entries === null) return null;
  return [...entries.values()]
    .flat()
    .filter((entry) => entry.sequence > ledger.acknowledged(entry.stream))
    .sort((a, b) => a.sequence - b.sequence);
}

/**
 * Puts `carried` in the place of `victims`, the oldest segments. The carrier takes the name of the first.
 * After a crash between the rename and the last unlink the carrier reaches into the ranges of the others,
 * which tells recovery to remove them.
 */
async function replace(
  store: Store,
  victims: readonly Segment[],
  carried: readonly StoredEntry[],
): Promise<void> {
  const [front] = victims;
  if (front === undefined) return;
  if (carried.length === 0) return removeSegments(store, victims);
  const { folder, ledger, residents } = store;
  const batch = encodeBatch(
    [...carried].sort((a, b) => a.sequence - b.sequence),
    [],
  );
  const bytes = Buffer.concat([segmentHeader(), batch]);
  await replaceFile(front.path, bytes, FILE_MODE);
  for (const victim of victims) {
    ledger.remove(victim);
    residents.forget(victim);
  }
  const { first, bornMs } = front;
  const carrier = new Segment({ folder, first, bytes: bytes.length, bornMs });
  ledger.segments.unshift(carrier);
  for (const entry of carried) ledger.add(carrier, entry);
  for (const victim of victims.slice(1)) await unlink(victim.path);
}

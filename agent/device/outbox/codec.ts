/**
 * The bytes of a segment file; pure, no I/O.
 *
 *   segment = header ‖ entry*          header = "VEILOUT"(7) ‖ version(1) = 1
 *   entry   = length(4) ‖ crc32(4) ‖ sequence(8) ‖ kind(1) ‖ body
 *   body    = stream(16) ‖ payload                  of an announcement (1) or a record (2)
 *           = stream(16) ‖ acknowledged(8)          of a mark (3): that stream is done up to there
 *           = 0(16) ‖ age(8) ‖ wall clock(8) ‖ set(1)   of a stamp (4): age-clock.ts
 *           = 0(16) ‖ what the segment holds            of a footer (5): footer.ts
 *
 * Big-endian. `length` counts what follows the CRC; the CRC (IEEE, as zlib) covers the same bytes. Marks, stamps
 * and footers take no sequence: the field is 0.
 */
import { crc32 } from "node:zlib";
import { VeilError } from "../../../core/errors.ts";
import type { Stamp } from "./age-clock.ts";
import {
  ENTRY_KIND,
  type EntryKind,
  MAX_PAYLOAD_BYTES,
  type NewEntry,
  NO_STREAM,
  STREAM_BYTES,
  type StreamId,
} from "./entry.ts";

const MAGIC = Buffer.from("VEILOUT", "ascii");
const VERSION = 1;
export const HEADER_BYTES = MAGIC.length + 1;

const PREFIX_BYTES = 8;
const FIXED_BYTES = 8 + 1 + STREAM_BYTES;
const MARK_BYTES = 8;
export const STAMP_BYTES = 8 + 8 + 1;
const MAX_LENGTH = FIXED_BYTES + MAX_PAYLOAD_BYTES;
/** How many bytes may be checksummed in vain while looking for the next good entry: bounds the work. */
const RESYNC_BYTES = 8 * 2 ** 20;
/** What an entry takes on disk beside its payload. */
export const OVERHEAD_BYTES = PREFIX_BYTES + FIXED_BYTES;

/** An announcement or a record with its place in the log. */
export interface LogEntry extends NewEntry {
  readonly sequence: number;
}

/** "Of this stream everything up to and including `acknowledged` is done." */
export interface Mark {
  readonly stream: StreamId;
  readonly acknowledged: number;
}

/** What a segment file holds, as far as it can be believed. */
export interface ScannedSegment {
  readonly entries: LogEntry[];
  readonly marks: Mark[];
  /** The first and the newest stamp, if there is one. */
  readonly stamps: { first: Stamp; last: Stamp } | null;
  /** The end of the last good entry; less than the file's length after a torn write. */
  readonly goodBytes: number;
  /** Bytes before `goodBytes` that are damaged and were passed over. */
  readonly damagedBytes: number;
  /** Entries that the damage cost, by the gap in the sequences. */
  readonly lostEntries: number;
}

export function segmentHeader(): Buffer {
  return Buffer.concat([MAGIC, Uint8Array.of(VERSION)]);
}

/** Entries, then marks and a stamp, as one buffer to be written at once. */
export function encodeBatch(
  entries: readonly LogEntry[],
  marks: readonly Mark[],
  stamp: Stamp | null = null,
): Buffer {
  const parts = entries.flatMap((entry) =>
    encodeFrame(ENTRY_KIND[entry.kind], entry.stream, entry.sequence, entry.payload),
  );
  for (const { stream, acknowledged } of marks) {
    const body = Buffer.alloc(MARK_BYTES);
    body.writeBigUInt64BE(BigInt(acknowledged));
    parts.push(...encodeFrame(ENTRY_KIND.mark, stream, 0, body));
  }
  if (stamp) parts.push(...encodeFrame(ENTRY_KIND.stamp, NO_STREAM, 0, encodeStamp(stamp)));
  return Buffer.concat(parts);
}

/** An entry of any kind, in parts. */
export function encodeFrame(
  kind: number,
  stream: StreamId,
  sequence: number,
  payload: Buffer,
): Buffer[] {
  const head = Buffer.alloc(OVERHEAD_BYTES);
  head.writeUInt32BE(FIXED_BYTES + payload.length, 0);
  head.writeBigUInt64BE(BigInt(sequence), PREFIX_BYTES);
  head.writeUInt8(kind, PREFIX_BYTES + 8);
  head.write(stream, PREFIX_BYTES + 9, "hex");
  head.writeUInt32BE(crc32(payload, crc32(head.subarray(PREFIX_BYTES))), 4);
  return [head, payload];
}

export function encodeStamp({ ageMs, wallMs, isSet }: Stamp): Buffer {
  const body = Buffer.alloc(STAMP_BYTES);
  body.writeBigUInt64BE(BigInt(ageMs));
  body.writeBigUInt64BE(BigInt(Math.max(0, wallMs)), 8);
  body.writeUInt8(isSet ? 1 : 0, 16);
  return body;
}

export function decodeStamp(body: Buffer): Stamp | null {
  if (body.length !== STAMP_BYTES) return null;
  const ageMs = safeInteger(body, 0);
  const wallMs = safeInteger(body, 8);
  return ageMs === null || wallMs === null
    ? null
    : { ageMs, wallMs, isSet: body.readUInt8(16) === 1 };
}

/**
 * Reads a segment; payloads are views of `bytes`. Damage is passed over to the next entry that can be
 * believed. Throws BAD_DOCUMENT on a version it does not know: the file is good, this program too old.
 */
export function scanSegment(bytes: Buffer): ScannedSegment {
  const scan: Pick<ScannedSegment, "entries" | "marks"> & { stamps: ScannedSegment["stamps"] } = {
    entries: [],
    marks: [],
    stamps: null,
  };
  const empty = { ...scan, goodBytes: 0, damagedBytes: 0, lostEntries: 0 };
  if (bytes.length < HEADER_BYTES) return empty;
  isSegment(bytes);
  let { goodBytes, damagedBytes, lostEntries } = { ...empty, goodBytes: HEADER_BYTES };
  let last = 0;
  let damaged = false;
  for (;;) {
    const found = entryFrom(bytes, goodBytes, last);
    if (found === null) return { ...scan, goodBytes, damagedBytes, lostEntries };
    damagedBytes += found.start - goodBytes;
    damaged ||= found.start > goodBytes;
    if (found.mark) scan.marks.push(found.mark);
    if (found.stamp) scan.stamps = { first: scan.stamps?.first ?? found.stamp, last: found.stamp };
    if (found.entry) {
      if (damaged) lostEntries += found.entry.sequence - last - 1;
      damaged = false;
      last = found.entry.sequence;
      scan.entries.push(found.entry);
    }
    goodBytes = found.end;
  }
}

/** Whether `bytes` begin as a segment does. Throws BAD_DOCUMENT on another version of it. */
export function isSegment(bytes: Buffer): boolean {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return false;
  if (bytes.readUInt8(MAGIC.length) !== VERSION)
    throw new VeilError("BAD_DOCUMENT", "the outbox was written by another version", {
      hint: "run the newest veilmq that ever used this outbox",
    });
  return true;
}

/** An entry, a mark, a stamp or, with none of these, a footer, from `start` to `end`. */
interface Found {
  readonly entry?: LogEntry;
  readonly mark?: Mark;
  readonly stamp?: Stamp;
  readonly start: number;
  readonly end: number;
}

/** The first entry at or after `offset` that can be believed and comes after the sequence `last`. */
function entryFrom(bytes: Buffer, offset: number, last: number): Found | null {
  let budget = RESYNC_BYTES;
  for (let start = offset; start + OVERHEAD_BYTES < bytes.length; start++) {
    const found = entryAt(bytes, start);
    if (found && (found.entry?.sequence ?? last + 1) > last) return found;
    budget -= plausibleLength(bytes, start) ?? 0;
    if (budget < 0) return null;
  }
  return null;
}

/** What is framed from `start` to `end`, its CRC being right. */
interface Frame {
  readonly code: number;
  /** Null where it is no safe integer. */
  readonly sequence: number | null;
  readonly stream: StreamId;
  /** A view of the bytes. */
  readonly payload: Buffer;
  readonly end: number;
}

/** The frame at `start`, or null where there is none that can be believed. */
export function frameAt(bytes: Buffer, start: number): Frame | null {
  const length = plausibleLength(bytes, start);
  if (length === null) return null;
  const checked = start + PREFIX_BYTES;
  const end = checked + length;
  if (crc32(bytes.subarray(checked, end)) !== bytes.readUInt32BE(start + 4)) return null;
  return {
    code: bytes.readUInt8(checked + 8),
    sequence: safeInteger(bytes, checked),
    stream: bytes.toString("hex", checked + 9, checked + FIXED_BYTES),
    payload: bytes.subarray(checked + FIXED_BYTES, end),
    end,
  };
}

/** The entry at `start`, or null where there is none that can be believed. */
function entryAt(bytes: Buffer, start: number): Found | null {
  const frame = frameAt(bytes, start);
  if (frame === null) return null;
  const { code, sequence, stream, payload, end } = frame;
  if (code === ENTRY_KIND.footer) return { start, end };
  if (code === ENTRY_KIND.mark) {
    const acknowledged = payload.length === MARK_BYTES ? safeInteger(payload, 0) : null;
    return acknowledged === null ? null : { mark: { stream, acknowledged }, start, end };
  }
  if (code === ENTRY_KIND.stamp) {
    const stamp = decodeStamp(payload);
    return stamp && { stamp, start, end };
  }
  const kind = kindOf(code);
  if (kind === null || sequence === null) return null;
  return { entry: { kind, stream, sequence, payload }, start, end };
}

/** What follows the CRC of an entry at `start`, in bytes; null if that cannot be an entry. */
function plausibleLength(bytes: Buffer, start: number): number | null {
  if (start + PREFIX_BYTES > bytes.length) return null;
  const length = bytes.readUInt32BE(start);
  if (length <= FIXED_BYTES || length > MAX_LENGTH) return null;
  return start + PREFIX_BYTES + length <= bytes.length ? length : null;
}

function kindOf(code: number): EntryKind | null {
  if (code === ENTRY_KIND.announcement) return "announcement";
  return code === ENTRY_KIND.record ? "record" : null;
}

/** The unsigned number of 64 bits at `offset`; null where it is no safe integer. */
export function safeInteger(bytes: Buffer, offset: number): number | null {
  const value = bytes.readBigUInt64BE(offset);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : null;
}

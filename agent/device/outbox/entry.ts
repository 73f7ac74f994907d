/**
 * What the outbox holds: key announcements and sealed records (PROTOCOL.md §3), in order, by stream.
 * The outbox never looks inside a payload.
 */
import { VeilError } from "../../../core/errors.ts";

/** What an entry is, as on disk. Marks, stamps and footers are the outbox's own and never leave it. */
export const ENTRY_KIND = { announcement: 1, record: 2, mark: 3, stamp: 4, footer: 5 } as const;
export type EntryKind = "announcement" | "record";

/** 16 bytes as 32 lower-case hex digits that name (epoch, topic); opaque here. The caller derives it. */
export type StreamId = string;
export const STREAM_BYTES = 16;
/** What is of no stream. */
export const NO_STREAM: StreamId = "00".repeat(STREAM_BYTES);

/** A record is at most 64 KiB and its frame (PROTOCOL.md §3); twice that is refused, and never read. */
export const MAX_PAYLOAD_BYTES = 128 * 1024;

/** What is put in. */
export interface NewEntry {
  readonly stream: StreamId;
  readonly kind: EntryKind;
  /** The announcement or the sealed record, 1 … MAX_PAYLOAD_BYTES bytes. Not to be changed afterwards. */
  readonly payload: Buffer;
}

/** What comes out. */
export interface StoredEntry extends NewEntry {
  /** Unique in this outbox and growing with every append, over all streams; the first is 1. May skip. */
  readonly sequence: number;
  /** The how-manieth entry of its stream in its segment, from 1: lets an acknowledgement be counted. */
  readonly ordinal: number;
}

/** Throws BAD_ARGUMENT unless `entry` can be stored. */
export function checkEntry(entry: NewEntry): void {
  if (!/^[0-9a-f]{32}$/.test(entry.stream))
    throw new VeilError("BAD_ARGUMENT", `a stream is ${2 * STREAM_BYTES} lower-case hex digits`);
  const { length } = entry.payload;
  if (length < 1 || length > MAX_PAYLOAD_BYTES)
    throw new VeilError(
      "BAD_ARGUMENT",
      `an outbox payload has 1 to ${MAX_PAYLOAD_BYTES} bytes, this one ${length}`,
    );
}

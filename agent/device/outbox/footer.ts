/**
 * The last entry of a segment that takes no more: what an opening needs to know of it, so that it is not read before its
 * readings are sent. A segment without one is read whole: it is the newest, was left after a failed write, or is older
 * than footers are.
 *
 *   footer = born(8) ‖ stamp(17) ‖ row* ‖ length(4)      row = stream(16) ‖ acknowledged(8) ‖ last(8) ‖ count(4)
 *
 * Big-endian. `born` and the stamp are of the age clock. A row for each stream that has entries in this segment (`count`,
 * and `last`, its highest sequence here) or was acknowledged when the segment was full. `length` counts the whole entry
 * (codec.ts), to find its beginning from the file's end.
 */
import type { Stamp } from "./age-clock.ts";
import {
  decodeStamp,
  encodeFrame,
  encodeStamp,
  frameAt,
  OVERHEAD_BYTES,
  STAMP_BYTES,
  safeInteger,
} from "./codec.ts";
import { ENTRY_KIND, MAX_PAYLOAD_BYTES, NO_STREAM, STREAM_BYTES, type StreamId } from "./entry.ts";

const LENGTH_BYTES = 4;
const HEAD_BYTES = 8 + STAMP_BYTES;
const ROW_BYTES = STREAM_BYTES + 8 + 8 + 4;
/** A segment with more streams has no footer. */
const MAX_ROWS = Math.floor((MAX_PAYLOAD_BYTES - HEAD_BYTES - LENGTH_BYTES) / ROW_BYTES);
export const MAX_FOOTER_BYTES = OVERHEAD_BYTES + MAX_PAYLOAD_BYTES;

/** One stream's part of a segment, and how far it is done over all segments. */
export interface FooterRow {
  readonly stream: StreamId;
  readonly acknowledged: number;
  /** Its highest sequence in this segment; 0 without entries. */
  readonly last: number;
  readonly count: number;
}

export interface Footer {
  /** When the segment was begun, by the age clock. */
  readonly bornMs: number;
  /** When it was full. */
  readonly stamp: Stamp;
  readonly rows: readonly FooterRow[];
}

/** Null where there are more streams than one entry has room for. */
export function encodeFooter({ bornMs, stamp, rows }: Footer): Buffer | null {
  if (rows.length > MAX_ROWS) return null;
  const body = Buffer.alloc(HEAD_BYTES + rows.length * ROW_BYTES + LENGTH_BYTES);
  body.writeBigUInt64BE(BigInt(bornMs));
  encodeStamp(stamp).copy(body, 8);
  for (const [i, { stream, acknowledged, last, count }] of rows.entries()) {
    const at = HEAD_BYTES + i * ROW_BYTES;
    body.write(stream, at, "hex");
    body.writeBigUInt64BE(BigInt(acknowledged), at + STREAM_BYTES);
    body.writeBigUInt64BE(BigInt(last), at + STREAM_BYTES + 8);
    body.writeUInt32BE(count, at + STREAM_BYTES + 16);
  }
  body.writeUInt32BE(OVERHEAD_BYTES + body.length, body.length - LENGTH_BYTES);
  return Buffer.concat(encodeFrame(ENTRY_KIND.footer, NO_STREAM, 0, body));
}

/** The footer that ends with the last byte of `tail`, the file's last bytes; null where there is none. */
export function decodeFooter(tail: Buffer): Footer | null {
  if (tail.length < LENGTH_BYTES) return null;
  const start = tail.length - tail.readUInt32BE(tail.length - LENGTH_BYTES);
  const frame = start < 0 ? null : frameAt(tail, start);
  if (frame?.code !== ENTRY_KIND.footer || frame.end !== tail.length) return null;
  const { payload } = frame;
  const rowBytes = payload.length - HEAD_BYTES - LENGTH_BYTES;
  const stamp = decodeStamp(payload.subarray(8, HEAD_BYTES));
  if (rowBytes < 0 || rowBytes % ROW_BYTES !== 0 || !stamp) return null;
  const bornMs = safeInteger(payload, 0);
  const rows: FooterRow[] = [];
  for (let at = HEAD_BYTES; at < HEAD_BYTES + rowBytes; at += ROW_BYTES) {
    const row = decodeRow(payload.subarray(at, at + ROW_BYTES));
    if (row === null) return null;
    rows.push(row);
  }
  return bornMs === null ? null : { bornMs, stamp, rows };
}

function decodeRow(bytes: Buffer): FooterRow | null {
  const stream = bytes.toString("hex", 0, STREAM_BYTES);
  const acknowledged = safeInteger(bytes, STREAM_BYTES);
  const last = safeInteger(bytes, STREAM_BYTES + 8);
  if (acknowledged === null || last === null) return null;
  return { stream, acknowledged, last, count: bytes.readUInt32BE(STREAM_BYTES + 16) };
}

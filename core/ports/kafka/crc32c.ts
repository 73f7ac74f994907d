/**
 * CRC-32C (Castagnoli; RFC 3720 appendix B.4, reflected, polynomial 0x1EDC6F41), which Kafka's record batches carry.
 * Node's zlib has the other CRC-32 only. Eight bytes a step by eight tables ("slicing-by-8"): byte by byte it was most of
 * what writing a batch cost.
 */
const POLYNOMIAL = 0x82f63b78;
const STEP = 8;

/** Eight tables of 256: table t at t · 256 is the CRC of a byte with t zero bytes behind it. */
const TABLES = makeTables();

/** Unsigned, 32 bits. */
export function crc32C(bytes: Uint8Array): number {
  const t = TABLES;
  let crc = -1;
  let at = 0;
  for (const end = bytes.length - STEP; at <= end; at += STEP) {
    crc ^= at32(bytes, at);
    const high = at32(bytes, at + 4);
    crc =
      of(t, 7, crc) ^
      of(t, 6, crc >>> 8) ^
      of(t, 5, crc >>> 16) ^
      of(t, 4, crc >>> 24) ^
      of(t, 3, high) ^
      of(t, 2, high >>> 8) ^
      of(t, 1, high >>> 16) ^
      of(t, 0, high >>> 24);
  }
  for (; at < bytes.length; at++) crc = of(t, 0, crc ^ byteAt(bytes, at)) ^ (crc >>> 8);
  return ~crc >>> 0;
}

function of(tables: Int32Array, table: number, byte: number): number {
  return tables[(table << 8) | (byte & 0xff)] as number;
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}

/** Little-endian. */
function at32(bytes: Uint8Array, at: number): number {
  return (
    byteAt(bytes, at) |
    (byteAt(bytes, at + 1) << 8) |
    (byteAt(bytes, at + 2) << 16) |
    (byteAt(bytes, at + 3) << 24)
  );
}

function makeTables(): Int32Array {
  const tables = new Int32Array(STEP * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * POLYNOMIAL);
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const shorter = tables[at - 256] as number;
    tables[at] = (tables[shorter & 0xff] as number) ^ (shorter >>> 8);
  }
  return tables;
}

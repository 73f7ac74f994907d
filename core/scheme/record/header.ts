/**
 * The record header and the parts of a record (PROTOCOL.md §3), readable without any key:
 *
 *   magic `56 51`(2) ver=1(1) suite(1) aead(1) flags(1) epoch(4) kid(16) seq(8) ts_ms(8)   = 42 bytes
 *   record = header ‖ ciphertext ‖ auth tag(16) [‖ signature(64)]
 *
 * The bridge imports this file and nothing else of record/: it must not be able to open one.
 */
import { VeilError } from "../../errors.ts";
import { SUITE, type SuiteId } from "../suite.ts";

export const RECORD_HEADER_BYTES = 42;
export const KID_BYTES = 16;
export const AUTH_TAG_BYTES = 16;
export const SIGNATURE_BYTES = 64;
/** Where the sequence number stands: 8 bytes. */
export const SEQ_AT = 26;
/** The longest ciphertext, which is the longest plaintext after padding: 64 KiB. */
export const MAX_CIPHERTEXT_BYTES = 65_536;
/** The shortest padded plaintext; the others double it. */
export const MIN_PADDED_BYTES = 32;

/** The algorithms a record may be sealed with, by their byte. */
export const AEAD = { aes256Gcm: 1, chacha20Poly1305: 2 } as const;
export type AeadId = (typeof AEAD)[keyof typeof AEAD];

/** The suites that have records: `paper` has none. */
export type RecordSuiteId = Exclude<SuiteId, typeof SUITE.paper>;

const MAGIC = 0x5651;
const VERSION = 1;
const FLAG_PADDED = 0b01;
const FLAG_SIGNED = 0b10;
const KNOWN_FLAGS = FLAG_PADDED | FLAG_SIGNED;
/** The upper half of the last millisecond that a number can hold: 2^53 − 1. */
const MAX_TIME_HIGH = 2 ** 21 - 1;
const RECORD_SUITES = Object.values(SUITE).filter((id) => id !== SUITE.paper);
const AEADS = Object.values(AEAD);
const AT = { version: 2, suite: 3, aead: 4, flags: 5, epoch: 6, kid: 10, seq: SEQ_AT, timeMs: 34 };

/** What a record says about itself in the clear. */
export interface RecordHeader {
  readonly suite: RecordSuiteId;
  readonly aead: AeadId;
  /** The plaintext was padded before sealing. */
  readonly padded: boolean;
  /** A signature follows the auth tag. */
  readonly signed: boolean;
  readonly epoch: number;
  /** commit[0..16] of the data key; 16 bytes. */
  readonly kid: Buffer;
  /** Counts from 0 for each kid; 64 bits. */
  readonly seq: bigint;
  /** The device's clock, milliseconds since 1970: for information, never for decisions. */
  readonly timeMs: number;
}

/** What a bridge judges a record by. */
export type RecordOutline = Pick<RecordHeader, "suite" | "epoch" | "signed">;

/** A record in its parts: views into the record's own bytes, not copies. */
export interface RecordParts {
  readonly header: RecordHeader;
  /** All of it; its first 42 bytes are the header's. */
  readonly record: Buffer;
  readonly ciphertext: Buffer;
  readonly authTag: Buffer;
  /** `undefined` for an unsigned record. */
  readonly signature: Buffer | undefined;
}

/** 42 bytes. Throws BAD_ARGUMENT for a field that does not fit its place. */
export function encodeHeader(header: RecordHeader): Buffer {
  if (header.kid.length !== KID_BYTES)
    throw new VeilError("BAD_ARGUMENT", `a kid has ${KID_BYTES} bytes`);
  if (!Number.isSafeInteger(header.timeMs) || header.timeMs < 0)
    throw new VeilError("BAD_ARGUMENT", "a record's time must be whole milliseconds since 1970");
  const bytes = Buffer.alloc(RECORD_HEADER_BYTES);
  try {
    bytes.writeUInt16BE(MAGIC, 0);
    bytes.writeUInt8(VERSION, AT.version);
    bytes.writeUInt8(header.suite, AT.suite);
    bytes.writeUInt8(header.aead, AT.aead);
    bytes.writeUInt8(
      (header.padded ? FLAG_PADDED : 0) | (header.signed ? FLAG_SIGNED : 0),
      AT.flags,
    );
    bytes.writeUInt32BE(header.epoch, AT.epoch);
    header.kid.copy(bytes, AT.kid);
    bytes.writeBigUInt64BE(header.seq, AT.seq);
    bytes.writeBigUInt64BE(BigInt(header.timeMs), AT.timeMs);
  } catch (cause) {
    throw new VeilError("BAD_ARGUMENT", "a field of the record header is out of range", { cause });
  }
  return bytes;
}

/**
 * Reads the header at the start of `bytes`; `kid` is a view into them. Throws BAD_RECORD for fewer
 * than 42 bytes, and for an unknown magic, version, suite, algorithm, flag bit or impossible time.
 */
export function decodeHeader(bytes: Uint8Array): RecordHeader {
  const view = bufferView(bytes);
  checkHeader(view);
  const flags = byteAt(view, AT.flags);
  return {
    suite: recordSuiteOf(byteAt(view, AT.suite)),
    aead: knownAead(byteAt(view, AT.aead)),
    padded: (flags & FLAG_PADDED) !== 0,
    signed: (flags & FLAG_SIGNED) !== 0,
    epoch: view.readUInt32BE(AT.epoch),
    kid: view.subarray(AT.kid, AT.kid + KID_BYTES),
    seq: view.readBigUInt64BE(AT.seq),
    timeMs: 2 ** 32 * view.readUInt32BE(AT.timeMs) + view.readUInt32BE(AT.timeMs + 4),
  };
}

function checkHeader(record: Uint8Array): void {
  if (record.length < RECORD_HEADER_BYTES) throw bad("it is shorter than a header");
  if (wordAt(record, 0) >>> 16 !== MAGIC) throw bad("it does not begin like a record");
  if (byteAt(record, AT.version) !== VERSION) throw bad("its version is unknown");
  if ((byteAt(record, AT.flags) & ~KNOWN_FLAGS) !== 0) throw bad("it has unknown flags");
  if (wordAt(record, AT.timeMs) >>> 0 > MAX_TIME_HIGH) throw bad("its time is impossible");
}

/** Whether a record says that it is of this kid. */
export function isOfKid(record: Uint8Array, kid: Uint8Array): boolean {
  for (let at = 0; at < KID_BYTES; at++) if (record[AT.kid + at] !== kid[at]) return false;
  return true;
}

/**
 * The kid and sequence number at their places, of a record that may be no record at all: for telling its
 * sender which one it was. `null` if it ends before them.
 */
export function peekIdentity(bytes: Uint8Array): { kid: Buffer; seq: bigint } | null {
  const view = bufferView(bytes);
  if (view.length < AT.timeMs) return null;
  return { kid: view.subarray(AT.kid, AT.kid + KID_BYTES), seq: view.readBigUInt64BE(AT.seq) };
}

/** `kid:seq`, the kid as b64url: names a record for ever, at the device and at its consumers (PROTOCOL.md §7). */
export function recordId({ kid, seq }: Pick<RecordHeader, "kid" | "seq">): string {
  return `${kid.toString("base64url")}:${seq}`;
}

/**
 * Judges the header of a whole record, and whether its length fits it: all that a bridge looks at. Throws BAD_RECORD as
 * {@link decodeHeader}, for missing bytes, and for a padded ciphertext whose length is not 32·2^j; TOO_LARGE above
 * 64 KiB of ciphertext.
 */
export function inspectRecord(record: Uint8Array): RecordOutline {
  checkHeader(record);
  const suite = recordSuiteOf(byteAt(record, AT.suite));
  knownAead(byteAt(record, AT.aead));
  const flags = byteAt(record, AT.flags);
  const signed = (flags & FLAG_SIGNED) !== 0;
  checkLength(record, { signed, padded: (flags & FLAG_PADDED) !== 0 });
  return { suite, signed, epoch: wordAt(record, AT.epoch) >>> 0 };
}

/**
 * What all records of one data key begin with: 26 bytes, up to the sequence number. Who has judged one knows what
 * {@link inspectRecord} says of the others, and that their kid is the same. As words of one object: a bridge asks this of every
 * record, and as a Buffer they would lie in four other places of the memory, which no cache has when a record of one of many
 * devices comes.
 */
export class RecordLikeness {
  readonly #word0: number;
  readonly #word1: number;
  readonly #word2: number;
  readonly #word3: number;
  readonly #word4: number;
  readonly #word5: number;
  readonly #last: number;
  readonly #padded: boolean;
  /** Of all but the ciphertext. */
  readonly #bytes: number;

  /** Of a record that `inspectRecord` takes. */
  constructor(record: Uint8Array) {
    this.#word0 = wordAt(record, 0);
    this.#word1 = wordAt(record, 4);
    this.#word2 = wordAt(record, 8);
    this.#word3 = wordAt(record, 12);
    this.#word4 = wordAt(record, 16);
    this.#word5 = wordAt(record, 20);
    this.#last = wordAt(record, SEQ_AT - 4);
    const flags = byteAt(record, AT.flags);
    this.#padded = (flags & FLAG_PADDED) !== 0;
    this.#bytes = RECORD_HEADER_BYTES + tailBytes((flags & FLAG_SIGNED) !== 0);
  }

  /** Whether `inspectRecord` takes a record and says the same of it, and its kid is the same. */
  holds(record: Uint8Array): boolean {
    const length = record.length - this.#bytes;
    return (
      length >= 0 &&
      length <= MAX_CIPHERTEXT_BYTES &&
      (!this.#padded || isPaddedLength(length)) &&
      wordAt(record, AT.timeMs) >>> 0 <= MAX_TIME_HIGH &&
      wordAt(record, 0) === this.#word0 &&
      wordAt(record, 4) === this.#word1 &&
      wordAt(record, 8) === this.#word2 &&
      wordAt(record, 12) === this.#word3 &&
      wordAt(record, 16) === this.#word4 &&
      wordAt(record, 20) === this.#word5 &&
      wordAt(record, SEQ_AT - 4) === this.#last
    );
  }
}

/** Splits a whole record by its header and its length. Nothing is authenticated yet. Throws as {@link inspectRecord}. */
export function splitRecord(record: Uint8Array): RecordParts {
  const view = bufferView(record);
  const header = decodeHeader(view);
  checkLength(view, header);
  const signatureAt = view.length - (header.signed ? SIGNATURE_BYTES : 0);
  const authTagAt = signatureAt - AUTH_TAG_BYTES;
  return {
    header,
    record: view,
    ciphertext: view.subarray(RECORD_HEADER_BYTES, authTagAt),
    authTag: view.subarray(authTagAt, signatureAt),
    signature: header.signed ? view.subarray(signatureAt) : undefined,
  };
}

function checkLength(
  record: Uint8Array,
  { signed, padded }: Pick<RecordHeader, "signed" | "padded">,
): void {
  const length = record.length - tailBytes(signed) - RECORD_HEADER_BYTES;
  if (length < 0) throw bad("it ends too early");
  if (length > MAX_CIPHERTEXT_BYTES)
    throw new VeilError("TOO_LARGE", `a record holds at most ${MAX_CIPHERTEXT_BYTES} bytes`);
  if (padded && !isPaddedLength(length)) throw bad("its padded length is impossible");
}

/** What follows the ciphertext. */
function tailBytes(signed: boolean): number {
  return AUTH_TAG_BYTES + (signed ? SIGNATURE_BYTES : 0);
}

/** Whether a length is one that padding makes: 32·2^j. */
function isPaddedLength(length: number): boolean {
  return length >= MIN_PADDED_BYTES && (length & (length - 1)) === 0;
}

/** The suite of a byte of a record or an announcement. Throws BAD_RECORD for `paper` and unknown ones. */
export function recordSuiteOf(byte: number): RecordSuiteId {
  for (const id of RECORD_SUITES) if (id === byte) return id;
  throw bad("its suite is unknown");
}

function knownAead(byte: number): AeadId {
  for (const id of AEADS) if (id === byte) return id;
  throw bad("its algorithm is unknown");
}

/** Without the checks of Buffer's readers, since a bridge reads a dozen bytes of every record: who asks has looked at its length. */
function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}

/** Four bytes, signed. */
function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (byteAt(bytes, at) << 24) |
    (byteAt(bytes, at + 1) << 16) |
    (byteAt(bytes, at + 2) << 8) |
    byteAt(bytes, at + 3)
  );
}

function bufferView(bytes: Uint8Array): Buffer {
  if (bytes instanceof Buffer) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function bad(why: string): VeilError {
  return new VeilError("BAD_RECORD", `this is no record of this version: ${why}`);
}

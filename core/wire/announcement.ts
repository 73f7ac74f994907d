/**
 * PROTOCOL.md §3, the key announcement:
 * `ver(1) suite(1) epoch(4) lp(producerId) createdAt(8) lp(W) commit(32) sig(64)`,
 * signed with Ed25519 (RFC 8032) over `"VEILMQ-V01-keyann\0" ‖ all before it`.
 */
import { type KeyObject, sign, verify } from "node:crypto";
import { VeilError } from "../errors.ts";
import { i2osp, join, lp } from "../scheme/bytes.ts";
import { KID_BYTES } from "../scheme/record/header.ts";
import { nameField } from "./fields.ts";

const VERSION = 1;
const DOMAIN = "VEILMQ-V01-keyann\0";
const FIXED_BYTES = 6;
const COMMIT_BYTES = 32;
const SIGNATURE_BYTES = 64;

export interface Announcement {
  readonly suite: number;
  readonly epoch: number;
  readonly producerId: string;
  /** The device's clock, milliseconds since 1970, for information. */
  readonly createdAtMs: number;
  /** W, at the suite's fixed length. */
  readonly wrapped: Buffer;
  /** 32 bytes; `kid = commit[0..16]`. */
  readonly commit: Buffer;
}

export function kidOf(announcement: Pick<Announcement, "commit">): Buffer {
  return announcement.commit.subarray(0, KID_BYTES);
}

/** Signs with the producer's Ed25519 key. */
export function encodeAnnouncement(announcement: Announcement, signingKey: KeyObject): Buffer {
  const body = join(
    i2osp(VERSION, 1),
    i2osp(announcement.suite, 1),
    i2osp(announcement.epoch, 4),
    lp(announcement.producerId),
    i2osp(announcement.createdAtMs, 8),
    lp(announcement.wrapped),
    announcement.commit,
  );
  return join(body, sign(null, join(DOMAIN, body), signingKey));
}

/** Reads without verifying. Throws BAD_RECORD on any byte out of place. */
export function decodeAnnouncement(bytes: Uint8Array): Announcement {
  const reader = new Reader(Buffer.from(bytes));
  const head = reader.take(FIXED_BYTES);
  if (head.readUInt8(0) !== VERSION) throw malformed("version");
  const producerId = nameField.safeParse(reader.takePrefixed().toString("utf8"));
  if (!producerId.success) throw malformed("producer");
  const createdAtMs = Number(reader.take(8).readBigUInt64BE());
  if (!Number.isSafeInteger(createdAtMs)) throw malformed("time");
  const wrapped = reader.takePrefixed();
  const commit = reader.take(COMMIT_BYTES);
  reader.take(SIGNATURE_BYTES);
  reader.end();
  return {
    suite: head.readUInt8(1),
    epoch: head.readUInt32BE(2),
    producerId: producerId.data,
    createdAtMs,
    wrapped,
    commit,
  };
}

/** Whether the signature over `bytes` (a whole announcement) is the producer's. */
export function verifyAnnouncement(bytes: Uint8Array, producerKey: KeyObject): boolean {
  if (bytes.length <= SIGNATURE_BYTES) return false;
  const cut = bytes.length - SIGNATURE_BYTES;
  return verify(null, join(DOMAIN, bytes.subarray(0, cut)), producerKey, bytes.subarray(cut));
}

class Reader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  take(length: number): Buffer {
    const part = this.#bytes.subarray(this.#offset, this.#offset + length);
    if (part.length !== length) throw malformed("length");
    this.#offset += length;
    return part;
  }

  takePrefixed(): Buffer {
    return this.take(this.take(2).readUInt16BE());
  }

  end(): void {
    if (this.#offset !== this.#bytes.length) throw malformed("length");
  }
}

function malformed(field: string): VeilError {
  return new VeilError("BAD_RECORD", `the key announcement's ${field} is wrong`);
}

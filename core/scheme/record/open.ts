/**
 * Opening a record at the consumer (PROTOCOL.md §3): the key must be the one the header names, the
 * signature must hold where there is or should be one, then the auth tag, then the padding.
 */
import { type KeyObject, verify } from "node:crypto";
import { VeilError } from "../../errors.ts";
import { decrypt, recordAad, signedBytes } from "./aead.ts";
import { RECORD_HEADER_BYTES, type RecordHeader, type RecordParts } from "./header.ts";
import type { RecordKey } from "./key.ts";
import { unpad } from "./padding.ts";

/** What is needed beside the record. */
export interface Opening {
  /** Derived for the record's suite and algorithm; confirmed against the announcement's commit. */
  readonly key: RecordKey;
  /** The producer's Ed25519 public key, from its certificate. */
  readonly producerKey: KeyObject;
  /** Whether the certificate says that this producer signs every record. */
  readonly signs: boolean;
}

/**
 * Opens a record that `splitRecord` has split. Throws BAD_KEY where the key is not the one it names, and BAD_RECORD
 * for one that is unsigned against `signs`, or not as the producer sealed it for this tenant, epoch and topic.
 */
export function openSplit(parts: RecordParts, opening: Opening): Buffer {
  checkNamedKey(parts.header, opening.key);
  checkSignature(parts, opening);
  return openParts(parts, opening.key);
}

/** The plaintext, authenticated by its tag alone: whether a signature is owed is for {@link openSplit}. */
export function openParts(parts: RecordParts, key: RecordKey): Buffer {
  const body = decrypt(parts, key);
  return parts.header.padded ? unpad(body) : body;
}

function checkNamedKey(header: RecordHeader, key: RecordKey): void {
  const { suite, aead, epoch, kid } = header;
  if (suite !== key.suite || aead !== key.aead || epoch !== key.epoch || !kid.equals(key.kid))
    throw new VeilError("BAD_KEY", "the record was sealed with another key");
}

function checkSignature(parts: RecordParts, input: Opening): void {
  const { signature, record } = parts;
  if (signature) {
    const aad = recordAad(input.key, record.subarray(0, RECORD_HEADER_BYTES));
    if (!verify(null, signedBytes(aad, parts), input.producerKey, signature))
      throw new VeilError("BAD_RECORD", "the record's signature is wrong");
  } else if (input.signs) {
    throw new VeilError("BAD_RECORD", "the record is not signed, and its producer signs");
  }
}

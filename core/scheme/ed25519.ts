/**
 * Ed25519 (RFC 8032) keys as the raw 32 bytes of PROTOCOL.md's documents, credentials and vectors: node:crypto takes
 * them in DER only, which for this curve is a constant before the bytes (RFC 8410 §4, §7).
 */
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { VeilError } from "../errors.ts";

const RAW_BYTES = 32;
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/** Throws BAD_ARGUMENT unless there are 32 bytes. */
export function importPublicKey(raw: Uint8Array): KeyObject {
  check(raw);
  const key = Buffer.concat([SPKI_PREFIX, raw]);
  return createPublicKey({ key, format: "der", type: "spki" });
}

/** `raw` is the 32-byte seed. Throws BAD_ARGUMENT unless it has 32 bytes. */
export function importSigningKey(raw: Uint8Array): KeyObject {
  check(raw);
  const key = Buffer.concat([PKCS8_PREFIX, raw]);
  return createPrivateKey({ key, format: "der", type: "pkcs8" });
}

/** The 32 bytes of a public key. */
export function exportPublicKey(key: KeyObject): Buffer {
  return key.export({ format: "der", type: "spki" }).subarray(SPKI_PREFIX.length);
}

/** The 32-byte seed of a private key. */
export function exportSigningKey(key: KeyObject): Buffer {
  return key.export({ format: "der", type: "pkcs8" }).subarray(PKCS8_PREFIX.length);
}

function check(raw: Uint8Array): void {
  if (raw.length !== RAW_BYTES) throw new VeilError("BAD_ARGUMENT", "an Ed25519 key has 32 bytes");
}

/** Ed25519 (RFC 8032) keys as the raw 32 bytes of PROTOCOL.md's documents and credentials. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";
import { VeilError } from "../errors.ts";

const RAW_BYTES = 32;
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

export function importPublicKey(raw: Uint8Array): KeyObject {
  check(raw);
  const key = Buffer.concat([SPKI_PREFIX, raw]);
  return createPublicKey({ key, format: "der", type: "spki" });
}

/** `raw` is the 32-byte seed. */
export function importSigningKey(raw: Uint8Array): KeyObject {
  check(raw);
  const key = Buffer.concat([PKCS8_PREFIX, raw]);
  return createPrivateKey({ key, format: "der", type: "pkcs8" });
}

/** A fresh pair: the 32-byte seed and the 32-byte public key. */
export function generateSigningKey(): { seed: Buffer; publicKey: Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    seed: privateKey.export({ format: "der", type: "pkcs8" }).subarray(PKCS8_PREFIX.length),
    publicKey: publicKey.export({ format: "der", type: "spki" }).subarray(SPKI_PREFIX.length),
  };
}

function check(raw: Uint8Array): void {
  if (raw.length !== RAW_BYTES) throw new VeilError("BAD_ARGUMENT", "an Ed25519 key has 32 bytes");
}

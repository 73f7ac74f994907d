/** The Ed25519 keys of documents and credentials, as their raw 32 bytes. */
import { generateKeyPairSync } from "node:crypto";
import { exportPublicKey, exportSigningKey } from "../scheme/ed25519.ts";

// Documents and credentials are where everybody outside core/scheme meets these keys.
export { importPublicKey, importSigningKey } from "../scheme/ed25519.ts";

/** A fresh pair: the 32-byte seed and the 32-byte public key. */
export function generateSigningKey(): { seed: Buffer; publicKey: Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return { seed: exportSigningKey(privateKey), publicKey: exportPublicKey(publicKey) };
}

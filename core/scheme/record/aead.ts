/**
 * The authenticated encryption of records (PROTOCOL.md §3): AES-256-GCM or ChaCha20-Poly1305 with
 *
 *   nonce  = iv XOR (0^4 ‖ seq)
 *   AAD    = header(42) ‖ SHA-256("VEILMQ-V01-aad\0" ‖ ctx(tenant, epoch, topic) ‖ lp(producerId))
 *   signed = "VEILMQ-V01-rec\0" ‖ AAD ‖ ciphertext ‖ auth tag
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { VeilError } from "../../errors.ts";
import { join } from "../bytes.ts";
import { AEAD, AUTH_TAG_BYTES } from "./header.ts";
import type { RecordKey } from "./key.ts";

const OPTIONS = { authTagLength: AUTH_TAG_BYTES };
const SEQ_AT = 4;

/** A ciphertext, as long as its plaintext, and its auth tag of 16 bytes. */
export interface Sealed {
  readonly ciphertext: Buffer;
  readonly authTag: Buffer;
}

/** 12 bytes, never the same twice for a key whose seq counts. */
export function recordNonce(key: RecordKey, seq: bigint): Buffer {
  const nonce = Buffer.from(key.iv);
  nonce.writeBigUInt64BE(nonce.readBigUInt64BE(SEQ_AT) ^ seq, SEQ_AT);
  return nonce;
}

/** 74 bytes: what is authenticated with the ciphertext; its second part is never sent. */
export function recordAad(key: RecordKey, headerBytes: Uint8Array): Buffer {
  return join(headerBytes, key.binding);
}

/** What the signature of a record covers. */
export function signedBytes(aad: Uint8Array, { ciphertext, authTag }: Sealed): Buffer {
  return join("VEILMQ-V01-rec\0", aad, ciphertext, authTag);
}

/** Encrypts as long as the plaintext is; the caller never gives the same seq twice to one key. */
export function encrypt(input: {
  readonly key: RecordKey;
  readonly seq: bigint;
  readonly aad: Buffer;
  readonly plaintext: Uint8Array;
}): Sealed {
  const { key, seq, aad, plaintext } = input;
  const nonce = recordNonce(key, seq);
  const cipher =
    key.aead === AEAD.aes256Gcm
      ? createCipheriv("aes-256-gcm", key.key, nonce, OPTIONS)
      : createCipheriv("chacha20-poly1305", key.key, nonce, OPTIONS);
  cipher.setAAD(aad, { plaintextLength: plaintext.length });
  // Both algorithms are streams: `final` gives no more bytes, it makes the tag.
  const ciphertext = cipher.update(plaintext);
  cipher.final();
  return { ciphertext, authTag: cipher.getAuthTag() };
}

/** Throws BAD_RECORD where key, seq, AAD, ciphertext and auth tag do not belong together. */
export function decrypt(input: {
  readonly key: RecordKey;
  readonly seq: bigint;
  readonly aad: Buffer;
  readonly sealed: Sealed;
}): Buffer {
  const { key, seq, aad, sealed } = input;
  const nonce = recordNonce(key, seq);
  const decipher =
    key.aead === AEAD.aes256Gcm
      ? createDecipheriv("aes-256-gcm", key.key, nonce, OPTIONS)
      : createDecipheriv("chacha20-poly1305", key.key, nonce, OPTIONS);
  decipher.setAAD(aad, { plaintextLength: sealed.ciphertext.length });
  decipher.setAuthTag(sealed.authTag);
  try {
    const plaintext = decipher.update(sealed.ciphertext);
    decipher.final();
    return plaintext;
  } catch (cause) {
    throw new VeilError("BAD_RECORD", "the record is not as its producer sealed it", { cause });
  }
}

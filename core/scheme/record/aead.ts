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
import { AEAD, AUTH_TAG_BYTES, RECORD_HEADER_BYTES, type RecordParts, SEQ_AT } from "./header.ts";
import type { RecordKey } from "./key.ts";

const OPTIONS = { authTagLength: AUTH_TAG_BYTES };
const NONCE_BYTES = 12;
const NONCE_SEQ_AT = 4;
const SEQ_BYTES = 8;
const WORD_BYTES = 4;
const BINDING_BYTES = 32;

/** A ciphertext, as long as its plaintext, and its auth tag of 16 bytes. */
export interface Sealed {
  readonly ciphertext: Buffer;
  readonly authTag: Buffer;
}

/** 12 bytes, never the same twice for a key whose seq counts. `header`: 42 bytes, or a record that begins with them. */
export function recordNonce(key: RecordKey, header: Buffer): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  setNonce(nonce, key, header);
  return nonce;
}

function setNonce(nonce: Buffer, key: RecordKey, header: Buffer): void {
  nonce.set(key.iv);
  for (let at = 0; at < SEQ_BYTES; at += WORD_BYTES) {
    const mask = header.readInt32BE(SEQ_AT + at);
    nonce.writeInt32BE(nonce.readInt32BE(NONCE_SEQ_AT + at) ^ mask, NONCE_SEQ_AT + at);
  }
}

/** 74 bytes: what is authenticated with the ciphertext; its second part is never sent. */
export function recordAad(key: RecordKey, headerBytes: Uint8Array): Buffer {
  return join(headerBytes, key.binding);
}

/** What the signature of a record covers. */
export function signedBytes(aad: Uint8Array, { ciphertext, authTag }: Sealed): Buffer {
  return join("VEILMQ-V01-rec\0", aad, ciphertext, authTag);
}

/** Encrypts as long as the plaintext is; the caller never gives the same seq, in the header, twice to one key. */
export function encrypt(input: {
  readonly key: RecordKey;
  readonly aad: Buffer;
  readonly plaintext: Uint8Array;
}): Sealed {
  const { key, aad, plaintext } = input;
  const nonce = recordNonce(key, aad);
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

// For one record after the other, of which a consumer opens many: OpenSSL has copied both before the next comes.
const nonceToOpen = Buffer.alloc(NONCE_BYTES);
const aadToOpen = Buffer.alloc(RECORD_HEADER_BYTES + BINDING_BYTES);

/** Throws BAD_RECORD where the record and the key do not belong together. */
export function decrypt({ record, ciphertext, authTag }: RecordParts, key: RecordKey): Buffer {
  setNonce(nonceToOpen, key, record);
  record.copy(aadToOpen, 0, 0, RECORD_HEADER_BYTES);
  aadToOpen.set(key.binding, RECORD_HEADER_BYTES);
  const decipher =
    key.aead === AEAD.aes256Gcm
      ? createDecipheriv("aes-256-gcm", key.key, nonceToOpen, OPTIONS)
      : createDecipheriv("chacha20-poly1305", key.key, nonceToOpen, OPTIONS);
  decipher.setAAD(aadToOpen, { plaintextLength: ciphertext.length });
  decipher.setAuthTag(authTag);
  try {
    const plaintext = decipher.update(ciphertext);
    decipher.final();
    return plaintext;
  } catch (cause) {
    throw new VeilError("BAD_RECORD", "the record is not as its producer sealed it", { cause });
  }
}

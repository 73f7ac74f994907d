/**
 * Sealing a record on the device (PROTOCOL.md §3):
 *
 *   record = header ‖ AEAD(K, nonce, AAD, padded plaintext) [‖ Ed25519("VEILMQ-V01-rec\0" ‖ AAD ‖ ciphertext ‖ auth tag)]
 *
 * The caller sees to it that a seq is never used twice with a key: it counts from 0 in memory, and a
 * retry sends the same bytes instead of sealing again.
 */
import { type KeyObject, sign } from "node:crypto";
import { VeilError } from "../../errors.ts";
import { join } from "../bytes.ts";
import { encrypt, recordAad, signedBytes } from "./aead.ts";
import { encodeHeader, MAX_CIPHERTEXT_BYTES } from "./header.ts";
import type { RecordKey } from "./key.ts";
import { pad } from "./padding.ts";

/**
 * Seals one plaintext. Throws TOO_LARGE above 64 KiB (less one byte where padded), and BAD_ARGUMENT
 * for a seq or time out of range.
 */
export function sealRecord(input: {
  readonly key: RecordKey;
  /** 64 bits, never twice for one key. */
  readonly seq: bigint;
  /** Milliseconds since 1970, by the device's clock. */
  readonly timeMs: number;
  readonly plaintext: Uint8Array;
  readonly padded: boolean;
  /** The producer's Ed25519 private key, where its certificate says `signs`. */
  readonly signingKey?: KeyObject | undefined;
}): Buffer {
  const { key, seq, timeMs, padded, plaintext, signingKey } = input;
  const { suite, aead, epoch, kid } = key;
  if (plaintext.length > MAX_CIPHERTEXT_BYTES)
    throw new VeilError("TOO_LARGE", `a record holds at most ${MAX_CIPHERTEXT_BYTES} bytes`);
  const signed = signingKey !== undefined;
  const header = encodeHeader({ suite, aead, padded, signed, epoch, kid, seq, timeMs });
  const aad = recordAad(key, header);
  const sealed = encrypt({ key, aad, plaintext: padded ? pad(plaintext) : plaintext });
  const unsigned = join(header, sealed.ciphertext, sealed.authTag);
  if (!signingKey) return unsigned;
  return join(unsigned, sign(null, signedBytes(aad, sealed), signingKey));
}

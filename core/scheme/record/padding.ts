/**
 * Padding (PROTOCOL.md §3): 0x80, then zeros, to the smallest 32·2^j ≥ length + 1, at most 64 KiB.
 * A size then tells the power of two and nothing else.
 */
import { VeilError } from "../../errors.ts";
import { MAX_CIPHERTEXT_BYTES, MIN_PADDED_BYTES } from "./header.ts";

const MARK = 0x80;

/** The padded length of `length` bytes. Throws TOO_LARGE above 64 KiB − 1. */
export function paddedLength(length: number): number {
  let padded = MIN_PADDED_BYTES;
  while (padded < length + 1) padded *= 2;
  if (padded > MAX_CIPHERTEXT_BYTES)
    throw new VeilError(
      "TOO_LARGE",
      `a padded record holds at most ${MAX_CIPHERTEXT_BYTES - 1} bytes`,
    );
  return padded;
}

/** Pads. Throws TOO_LARGE as {@link paddedLength}. */
export function pad(plaintext: Uint8Array): Buffer {
  const padded = Buffer.alloc(paddedLength(plaintext.length));
  padded.set(plaintext);
  padded[plaintext.length] = MARK;
  return padded;
}

/** Takes the padding off: a view. Throws BAD_RECORD for any length or padding that {@link pad} does not make. */
export function unpad(padded: Buffer): Buffer {
  let end = padded.length;
  while (end > 0 && padded[end - 1] === 0) end--;
  const length = end - 1;
  if (length < 0 || padded[length] !== MARK || paddedLength(length) !== padded.length)
    throw new VeilError("BAD_RECORD", "the record's padding is wrong");
  return padded.subarray(0, length);
}

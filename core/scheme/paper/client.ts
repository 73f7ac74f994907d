/**
 * Client-side of suite `paper` (PROTOCOL.md §2.5), the report's Listing 1: each byte of SHA-256(text),
 * **signed** as Java's bytes are, to the client's exponent modulo 3337, in four hex digits.
 */
import { sha256 } from "../bytes.ts";
import { paperPower } from "./power.ts";

/** The producer's exponent, recovered from the report's figures. */
export const EI1 = 3;
/** The consumer's exponent, recovered from the report's figures. */
export const EJ1 = 17;

/** Listing 1's HEX_LENGTH. */
const GROUP_DIGITS = 4;

/** `Enc(text, exponent)`: 128 hex digits, lower case. The producer's topic name, or the consumer's trapdoor. */
export function enc(text: string, exponent: number): string {
  const signed = Int8Array.from(sha256(text));
  return Array.from(signed, (byte) =>
    paperPower(byte, exponent).toString(16).padStart(GROUP_DIGITS, "0"),
  ).join("");
}

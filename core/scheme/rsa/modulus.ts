/**
 * The group of suite `rsa` (PROTOCOL.md §2.2): signed quadratic residues modulo N.
 *
 *   fold(x) = min(x, N − x)
 *   *Check*(T): exactly k bytes, 1 < T ≤ (N−1)/2, Jacobi(T, N) = +1
 *
 * N is a product of two safe primes, so −1 is no residue but has Jacobi symbol +1: the elements with
 * symbol +1, folded, are exactly the folded quadratic residues, and membership can be checked
 * without the factors. Values are byte strings of k = |N|/8 bytes.
 */
import { getDiffieHellman } from "node:crypto";
import { LRUCache } from "lru-cache";
import { VeilError } from "../../errors.ts";
import { jacobi } from "../arithmetic.ts";
import { os2ip } from "../bytes.ts";
import { Exponentiation } from "./exponentiation.ts";

/** The sizes of N that everybody accepts, in bits. */
export const MODULUS_BITS = [2048, 3072, 4096] as const;
export type ModulusBits = (typeof MODULUS_BITS)[number];

/** Options of everything that takes in a modulus. */
export interface ModulusOptions {
  /**
   * Accept a modulus whose factor is public, as in the test vectors. Only `veilmq vectors` and
   * tests may say `true`: whoever knows the factors reads every topic.
   */
  readonly allowPublicFactors?: boolean;
}

/**
 * Safe primes that everybody knows, of the size of a factor: the MODP primes of RFC 2409 §6.2
 * (1,024 bits) and RFC 3526 §2, §3 (1,536 bits, the factor in the published vectors, and 2,048 bits).
 */
const PUBLIC_FACTORS = ["modp2", "modp5", "modp14"].map((group) =>
  os2ip(getDiffieHellman(group).getPrime()),
);

/** An accepted modulus, and what is computed in its group. Make one with {@link acceptModulus}. */
export class Modulus {
  /** k: the length of every value, in bytes. */
  readonly bytes: number;
  readonly value: bigint;
  /** N in its k bytes. */
  readonly encoded: Buffer;
  readonly #exponentiation: Exponentiation;

  constructor(encoded: Buffer) {
    this.bytes = encoded.length;
    this.value = os2ip(encoded);
    this.encoded = encoded;
    this.#exponentiation = new Exponentiation(encoded);
  }

  /** `fold(base^exponent)`, constant-time. Throws BAD_ARGUMENT as {@link Exponentiation.power}. */
  foldedPower(base: Uint8Array, exponent: Uint8Array): Buffer {
    return this.fold(this.#exponentiation.power(base, exponent));
  }

  /** `min(x, N − x)` for x of k bytes, 0 < x < N, without a branch on the value. */
  fold(x: Buffer): Buffer {
    const negated = subtract(this.encoded, x);
    const keep = subtract(negated.difference, x).borrow - 1;
    return Buffer.from(
      x.map((byte, i) => (byte & keep) | (negated.difference.readUInt8(i) & ~keep)),
    );
  }

  /** *Check*: whether these bytes are an element, in its one encoding. For public values: not constant-time. */
  isElement(bytes: Uint8Array): boolean {
    if (bytes.length !== this.bytes) return false;
    const element = os2ip(bytes);
    return element > 1n && element <= (this.value - 1n) / 2n && jacobi(element, this.value) === 1;
  }

  /** Returns a half as it is, k bytes. Throws BAD_ARGUMENT unless 1 < half < N in exactly k bytes. */
  acceptHalf(half: Uint8Array): Buffer {
    const bytes = Buffer.from(half);
    const one = Buffer.alloc(this.bytes);
    one[this.bytes - 1] = 1;
    if (bytes.length !== this.bytes || bytes.compare(one) <= 0 || bytes.compare(this.encoded) >= 0)
      throw new VeilError("BAD_ARGUMENT", "a half must lie between 1 and N, in as many bytes as N");
    return bytes;
  }
}

/**
 * Accepted moduli of this thread, by value: setting one up costs up to 22 ms, and every client of an
 * epoch has the same two. Bounded, for a bridge with many tenants.
 */
const ACCEPTED = new LRUCache<string, Modulus>({ max: 256 });

/**
 * Takes in a modulus from outside: big-endian, no leading zero. Throws BAD_ARGUMENT unless it is odd,
 * of 2,048, 3,072 or 4,096 bits exactly, and without a publicly known factor, as the test vectors have.
 */
export function acceptModulus(encoded: Uint8Array, options: ModulusOptions = {}): Modulus {
  const bytes = Buffer.from(encoded);
  const sizes: readonly number[] = MODULUS_BITS.map((bits) => bits / 8);
  if (!sizes.includes(bytes.length) || bytes.readUInt8(0) < 0x80)
    throw new VeilError("BAD_ARGUMENT", `a modulus must have ${MODULUS_BITS.join(", ")} bits`);
  if (bytes.readUInt8(bytes.length - 1) % 2 === 0)
    throw new VeilError("BAD_ARGUMENT", "a modulus must be odd");
  const id = bytes.toString("latin1");
  const modulus = ACCEPTED.get(id) ?? new Modulus(bytes);
  const isPublic = PUBLIC_FACTORS.some((prime) => modulus.value % prime === 0n);
  if (isPublic && options.allowPublicFactors !== true)
    throw new VeilError("BAD_ARGUMENT", "this modulus has a public factor: it is for tests only", {
      hint: "generate keys of your own",
    });
  ACCEPTED.set(id, modulus);
  return modulus;
}

/** `a − b` of equal length modulo 256^length, and whether it went below zero. Branch-free. */
function subtract(a: Buffer, b: Buffer): { difference: Buffer; borrow: number } {
  const difference = Buffer.alloc(a.length);
  let borrow = 0;
  for (let i = a.length - 1; i >= 0; i--) {
    const digit = a.readUInt8(i) - b.readUInt8(i) - borrow;
    borrow = (digit >> 8) & 1;
    difference[i] = digit;
  }
  return { difference, borrow };
}

/**
 * Modular exponentiation with a secret exponent (PROTOCOL.md §2.2, "Exponentiation").
 *
 * The only constant-time x^e mod n in Node is the one inside Diffie–Hellman: OpenSSL raises the
 * peer's public value to our private key with BN_mod_exp_mont_consttime. Neither the modulus has to
 * be prime nor the base a generator. One object per modulus: making it costs 2 to 22 ms, because
 * OpenSSL looks whether the modulus is a safe prime. Everything here is synchronous, hence the
 * worker threads of the bridge.
 *
 * What has to be kept away from it, each observed: a modulus below 512 bits silently gives zeros;
 * a base ≥ n is reduced without an error; 0, 1, n−1 and results of 0, 1, n−1 are refused.
 */
import { createDiffieHellman, type DiffieHellman } from "node:crypto";
import { VeilError } from "../../errors.ts";

const MIN_MODULUS_BYTES = 64;
/** Diffie–Hellman wants a generator; it is not used, only checked to be a small number. */
const UNUSED_GENERATOR = 2;

/** x^e mod n for one fixed odd n of at least 512 bits; bytes in, bytes of n's length out. */
export class Exponentiation {
  readonly #modulus: Buffer;
  #engine: DiffieHellman | undefined;

  /** Throws BAD_ARGUMENT for a modulus below 512 bits, or with leading zero bytes. */
  constructor(modulus: Uint8Array) {
    this.#modulus = Buffer.from(modulus);
    if (this.#modulus.length < MIN_MODULUS_BYTES || this.#modulus[0] === 0)
      throw new VeilError("BAD_ARGUMENT", "the modulus is too short for this exponentiation");
  }

  /**
   * `base^exponent mod n`, constant-time in both for a given length of the exponent.
   * `base` must have exactly n's length. Throws BAD_ARGUMENT for another length, for base ≥ n,
   * and where base or result is 0, 1 or n−1 (OpenSSL refuses these).
   */
  power(base: Uint8Array, exponent: Uint8Array): Buffer {
    if (base.length !== this.#modulus.length || this.#modulus.compare(base) <= 0)
      throw new VeilError("BAD_ARGUMENT", "the base is not a number below the modulus");
    this.#engine ??= createDiffieHellman(this.#modulus, UNUSED_GENERATOR);
    try {
      this.#engine.setPrivateKey(exponent);
      return leftPad(this.#engine.computeSecret(base), this.#modulus.length);
    } catch (cause) {
      throw new VeilError("BAD_ARGUMENT", "the number cannot be raised to a power", { cause });
    }
  }
}

/** Node pads to the length of the modulus today; the scheme's values must not depend on that. */
function leftPad(bytes: Buffer, length: number): Buffer {
  return Buffer.concat([Buffer.alloc(length - bytes.length), bytes]);
}

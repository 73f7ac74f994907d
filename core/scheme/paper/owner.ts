/**
 * Owner-side of suite `paper` (PROTOCOL.md §2.5). The report skipped IGen and UGen; its keys follow them
 * all the same: e_i1·e_i2 ≡ e_j1·e_j2 ≡ e and e·d ≡ 1 modulo φ(3337) = 46·70.
 */
import { mod, modInverse } from "../arithmetic.ts";

/** φ(3337). */
export const PHI = 3220;
/** The master exponent behind the report's keys. */
export const E = 79;

/** UGen: the proxy's exponent for a client's. Throws BAD_ARGUMENT where the client's has no inverse. */
export function paperProxyHalf(clientHalf: number, exponent: number = E): number {
  const phi = BigInt(PHI);
  return Number(mod(BigInt(exponent) * modInverse(BigInt(clientHalf), phi), phi));
}

/** The decryption exponent: exponent^-1 mod φ. Throws BAD_ARGUMENT where there is none. */
export function paperDecryptionExponent(exponent: number = E): number {
  return Number(modInverse(BigInt(exponent), BigInt(PHI)));
}

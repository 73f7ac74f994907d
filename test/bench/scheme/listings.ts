/**
 * The report's Listings 2, 3 and 7 line by line, with Java's BigInteger as BigInt: what `enc_match` costs as printed.
 * `core/scheme/paper/` computes the same with modular powers, which the report's authors could have used:
 * both stand in the benchmark.
 */
import { EI2, EJ2 } from "../../../core/scheme/paper/proxy.ts";

const N = 3337n;
const GROUP_DIGITS = 4;

/** Listing 2: the whole power first, then modulo N. */
export function listedZEnc(text: string, exponent: number): string {
  const powers: bigint[] = [];
  for (let index = 0; index < text.length; index += GROUP_DIGITS)
    powers.push(BigInt(`0x${text.slice(index, index + GROUP_DIGITS)}`) ** BigInt(exponent));
  let joined = "";
  for (const power of powers) joined += (power % N).toString(10);
  return joined;
}

/** Listing 3: both sides anew for each stored topic. */
export function listedCompare(stored: string, trapdoor: string): boolean {
  return listedZEnc(stored, EI2) === listedZEnc(trapdoor, EJ2);
}

/** Listing 7's loop; what follows a match (four questions to ZooKeeper) is left out. */
export function listedEncMatch(trapdoor: string, stored: readonly string[]): string | null {
  return stored.find((name) => listedCompare(name, trapdoor)) ?? null;
}

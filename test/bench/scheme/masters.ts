/**
 * A master key of every suite and size. The safe primes of `rsa` are published with this file, so they protect nothing:
 * searching them takes minutes at 4,096 bits, and luck decides. Everything else is drawn anew.
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { packageFile } from "../../../core/runtime/package.ts";
import { generateMaster, type Master } from "../../../core/scheme/owner.ts";
import { MODULUS_BITS, type ModulusBits } from "../../../core/scheme/rsa/modulus.ts";
import type { SafePrimeSource } from "../../../core/scheme/rsa/safe-primes.ts";
import { bytesField } from "../../../core/wire/fields.ts";

const PRIMES = packageFile("test", "bench", "scheme", "safe-primes.json");
const prime = bytesField();
const primesSchema = z.record(z.string(), z.tuple([prime, prime, prime, prime]));

export interface NamedMaster {
  /** `rsa 3072`, `p256`. */
  readonly name: string;
  readonly master: Master;
}

/** Of every suite; of `rsa` in the sizes given. */
export async function mastersOf(
  sizes: readonly ModulusBits[] = MODULUS_BITS,
): Promise<NamedMaster[]> {
  const rsa = sizes.map(async (bits) => {
    const source = await publishedPrimes(bits);
    const master = await generateMaster({ suite: "rsa", bits, random: randomBytes, source });
    return { name: `rsa ${bits}`, master };
  });
  const others = (["p256", "hmac", "pki"] as const).map(async (suite) => ({
    name: suite,
    master: await generateMaster({ suite, random: randomBytes }),
  }));
  return await Promise.all([...rsa, ...others]);
}

/** The four primes of this size, one after the other. */
export async function publishedPrimes(bits: ModulusBits): Promise<SafePrimeSource> {
  const primes = primesSchema.parse(JSON.parse(await readFile(PRIMES, "utf8")));
  const ofSize = [...(primes[bits] ?? [])];
  return async () => ofSize.shift() ?? Buffer.alloc(0);
}

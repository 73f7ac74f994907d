/**
 * Owner-side of suite `rsa` (PROTOCOL.md §2.2), with both factors of both moduli:
 *
 *   IGen   p ≠ q safe primes, top two bits set;  λ = (p−1)(q−1)/2
 *          N_tag with a secret e uniform in Z_λ^*;  N_rec with e = 65537, d = e^-1 mod λ
 *   UGen   a uniform in Z_λ^*  →  client half a, proxy half e·a^-1 mod λ   (records: b, d·b^-1)
 *   tag    C = fold(h^e) by CRT: h^(e mod p−1) mod p and h^(e mod q−1) mod q, joined
 *
 * Secrets are BigInt here, which is not constant-time. That is accepted: the owner works offline,
 * on a machine of their own, and answers nobody (§1). The exponentiations are constant-time anyway.
 */
import { LRUCache } from "lru-cache";
import { VeilError } from "../../errors.ts";
import { bitLength, gcd, mod, modInverse } from "../arithmetic.ts";
import { i2osp, os2ip, sha256 } from "../bytes.ts";
import type { Realm } from "../context.ts";
import type { Halves, RandomBytes, RsaParameters } from "../suite.ts";
import { Exponentiation } from "./exponentiation.ts";
import { hashToGroup } from "./hash-to-group.ts";
import { acceptModulus, type Modulus, type ModulusBits, type ModulusOptions } from "./modulus.ts";
import { fourSafePrimes, type PrimeSearch } from "./safe-primes.ts";

const RECORD_EXPONENT = 65_537n;
/** A half may be this many bits shorter than N, no more: exponentiation shows its length in time. */
const HALF_SLACK_BITS = 64;

/** The master key of a tenant and epoch. Big-endian: primes of k/2 bytes, e of k bytes. */
export interface RsaMaster {
  readonly suite: "rsa";
  readonly tag: { readonly p: Buffer; readonly q: Buffer; readonly e: Buffer };
  readonly record: { readonly p: Buffer; readonly q: Buffer };
}

/** One client's pair for one modulus: k bytes each. */
export interface RsaPair {
  readonly client: Buffer;
  readonly proxy: Buffer;
}

/** What {@link generateRsaMaster} takes. */
export interface GenerateOptions extends PrimeSearch {
  /** The size of each modulus. */
  readonly bits: ModulusBits;
  readonly random: RandomBytes;
}

/** What {@link splitTagKey} takes. */
export interface PairInput extends ModulusOptions {
  readonly master: RsaMaster;
  readonly random: RandomBytes;
}

/** What {@link splitRsa} takes. */
export interface SplitInput extends PairInput {
  readonly consumer: boolean;
}

/** What {@link rsaCanonical} takes: a topic of a tenant and epoch. */
export interface CanonicalInput extends ModulusOptions {
  readonly master: RsaMaster;
  readonly realm: Realm;
  readonly topic: string;
}

/** What the factors of one modulus open up. */
interface Factors {
  readonly p: bigint;
  readonly q: bigint;
  readonly modulus: Modulus;
  readonly lambda: bigint;
}

/**
 * IGen. Takes seconds (2,048) to minutes (4,096); see
 * {@link fourSafePrimes} for progress and for what an abort can do. Throws STOPPED after an abort.
 */
export async function generateRsaMaster(options: GenerateOptions): Promise<RsaMaster> {
  const [p, q, recordP, recordQ] = await fourSafePrimes(options.bits / 2, options);
  const { lambda, modulus } = factorsOf({ p, q }, {});
  const e = i2osp(randomExponent({ lambda, modulus, random: options.random }), modulus.bytes);
  return { suite: "rsa", tag: { p, q, e }, record: { p: recordP, q: recordQ } };
}

/** The moduli of a master key. Throws BAD_ARGUMENT where they are not acceptable (§2.2). */
export function rsaPublicParameters(master: RsaMaster, options: ModulusOptions): RsaParameters {
  const tag = factorsOf(master.tag, options).modulus;
  const record = factorsOf(master.record, options).modulus;
  return { suite: "rsa", nTag: tag.encoded, nRec: record.encoded };
}

/** UGen; record halves are made only for a `consumer`. Throws BAD_ARGUMENT for a master key outside §2.2. */
export function splitRsa(input: SplitInput): { client: Halves; proxy: Halves } {
  const tag = splitTagKey(input);
  if (!input.consumer) return { client: { tag: tag.client }, proxy: { tag: tag.proxy } };
  const record = splitRecordKey(input);
  return {
    client: { tag: tag.client, record: record.client },
    proxy: { tag: tag.proxy, record: record.proxy },
  };
}

/**
 * The client's halves that belong to the bridge's: exponent·proxy^-1 mod λ. So the owner keeps one side only. Throws
 * BAD_ARGUMENT for halves or a master key outside §2.2.
 */
export function rsaClientHalves(
  input: { readonly master: RsaMaster; readonly proxy: Halves } & ModulusOptions,
): Halves {
  const { master, proxy } = input;
  const tag = otherSide(proxy.tag, {
    exponent: os2ip(master.tag.e),
    factors: factorsOf(master.tag, input),
  });
  if (!proxy.record) return { tag };
  const factors = factorsOf(master.record, input);
  const exponent = modInverse(RECORD_EXPONENT, factors.lambda);
  return { tag, record: otherSide(proxy.record, { exponent, factors }) };
}

/** UGen for tags alone. Throws BAD_ARGUMENT as {@link splitRsa}. */
function splitTagKey(input: PairInput): RsaPair {
  const { master, random } = input;
  const factors = factorsOf(master.tag, input);
  return split({ exponent: os2ip(master.tag.e), factors, random });
}

function splitRecordKey(input: PairInput): RsaPair {
  const factors = factorsOf(input.master.record, input);
  const exponent = modInverse(RECORD_EXPONENT, factors.lambda);
  return split({ exponent, factors, random: input.random });
}

/** The canonical value C of a topic, k bytes, from the master key alone: no client, no bridge. */
export function rsaCanonical(input: CanonicalInput): Buffer {
  const { master, realm, topic } = input;
  const factors = factorsOf(master.tag, input);
  const h = hashToGroup(factors.modulus, realm, topic);
  return powerByCrt({ base: h, exponent: os2ip(master.tag.e), factors });
}

/**
 * PROTOCOL.md's integer identity: client·proxy ≡ exponent modulo λ, which makes C the same for every
 * client and every topic at once. Throws BAD_ARGUMENT where it does not hold.
 */
export function checkPair(pair: {
  readonly client: bigint;
  readonly proxy: bigint;
  readonly exponent: bigint;
  readonly lambda: bigint;
}): void {
  if (mod(pair.client * pair.proxy - pair.exponent, pair.lambda) !== 0n)
    throw new VeilError("BAD_ARGUMENT", "the halves do not multiply to the exponent");
}

/** λ(N) = lcm(p−1, q−1), which is (p−1)(q−1)/2 for safe primes. */
export function lambdaOf(p: bigint, q: bigint): bigint {
  return ((p - 1n) * (q - 1n)) / gcd(p - 1n, q - 1n);
}

function factorsOf({ p, q }: { p: Buffer; q: Buffer }, options: ModulusOptions): Factors {
  const [factorP, factorQ] = [os2ip(p), os2ip(q)];
  if (factorP === factorQ) throw new VeilError("BAD_ARGUMENT", "the two primes are the same");
  const modulus = acceptModulus(i2osp(factorP * factorQ, p.length + q.length), options);
  return { p: factorP, q: factorQ, modulus, lambda: lambdaOf(factorP, factorQ) };
}

function split({
  exponent,
  factors: { modulus, lambda },
  random,
}: {
  exponent: bigint;
  factors: Factors;
  random: RandomBytes;
}): RsaPair {
  for (;;) {
    const client = randomExponent({ lambda, modulus, random });
    const proxy = mod(exponent * modInverse(client, lambda), lambda);
    if (isShort(proxy, modulus)) continue;
    checkPair({ client, proxy, exponent, lambda });
    return { client: i2osp(client, modulus.bytes), proxy: i2osp(proxy, modulus.bytes) };
  }
}

function otherSide(
  half: Buffer,
  { exponent, factors: { modulus, lambda } }: { exponent: bigint; factors: Factors },
): Buffer {
  const other = mod(exponent * modInverse(os2ip(half), lambda), lambda);
  return i2osp(other, modulus.bytes);
}

/** Uniform in Z_λ^* by rejection, without the (2^-64 of the) values that are too short. */
function randomExponent({
  lambda,
  modulus,
  random,
}: {
  lambda: bigint;
  modulus: Modulus;
  random: RandomBytes;
}): bigint {
  for (;;) {
    const candidate = BigInt.asUintN(bitLength(lambda), os2ip(random(modulus.bytes)));
    if (candidate < lambda && !isShort(candidate, modulus) && gcd(candidate, lambda) === 1n)
      return candidate;
  }
}

function isShort(exponent: bigint, modulus: Modulus): boolean {
  return bitLength(exponent) < 8 * modulus.bytes - HALF_SLACK_BITS;
}

/** Powers modulo a prime, kept because OpenSSL tests the prime anew for each object. */
const EXPONENTIATIONS = new LRUCache<string, Exponentiation>({ max: 64 });

/** fold(base^exponent mod p·q): twice half the size, a quarter of the time. */
function powerByCrt(input: { base: Buffer; exponent: bigint; factors: Factors }): Buffer {
  const { p, q, modulus } = input.factors;
  const base = os2ip(input.base);
  const atP = powerModPrime(base, input.exponent, p);
  const atQ = powerModPrime(base, input.exponent, q);
  const joined = atQ + q * mod((atP - atQ) * modInverse(q, p), p);
  return modulus.fold(i2osp(joined, modulus.bytes));
}

function powerModPrime(base: bigint, exponent: bigint, prime: bigint): bigint {
  const length = Math.ceil(bitLength(prime) / 8);
  const encoded = i2osp(prime, length);
  // By digest: the cache's keys would otherwise be copies of the master key.
  const id = sha256(encoded).toString("hex");
  const engine = EXPONENTIATIONS.get(id) ?? new Exponentiation(encoded);
  EXPONENTIATIONS.set(id, engine);
  return os2ip(
    engine.power(i2osp(mod(base, prime), length), i2osp(exponent % (prime - 1n), length)),
  );
}

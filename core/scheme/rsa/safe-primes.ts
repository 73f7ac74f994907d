/**
 * Safe primes for IGen (PROTOCOL.md §2.2): p = 2p' + 1 with p' prime, top two bits set.
 *
 * They come from `crypto.generatePrime`, the one place where the scheme does not take its randomness
 * as a parameter: OpenSSL sieves and tests on a worker thread with its own generator, a hundred
 * times faster than BigInt could, and takes no seed. Its search (without `add`) draws candidates
 * with both top bits set, so that two primes of n bits always make a product of 2n bits; that is
 * not documented for Node, so it is looked at again here.
 */
import { generatePrime } from "node:crypto";
import { VeilError } from "../../errors.ts";
import { i2osp, os2ip } from "../bytes.ts";

/** Draws one safe prime of `bits` bits, big-endian. */
export type SafePrimeSource = (bits: number) => Promise<Buffer>;

/** How far a generation has come: `done` primes of `of`. */
export interface PrimeProgress {
  readonly done: number;
  readonly of: number;
}

/** OpenSSL's search on the thread pool: seconds to a minute per prime, by its size and by luck. */
export const openSslSafePrime: SafePrimeSource = (bits) =>
  new Promise((resolve, reject) => {
    generatePrime(bits, { safe: true, bigint: true }, (error, prime) => {
      if (error) reject(new VeilError("INTERNAL", "no prime was found", { cause: error }));
      else resolve(i2osp(prime, bits / 8));
    });
  });

/** What a search for primes may be told. */
export interface PrimeSearch {
  /** Told of each prime found. */
  readonly onProgress?: ((progress: PrimeProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** OpenSSL unless a test brings its own. */
  readonly source?: SafePrimeSource | undefined;
}

/** Four distinct primes: those of N_tag and those of N_rec. */
export type FourPrimes = readonly [Buffer, Buffer, Buffer, Buffer];
const FOUR = 4;

/**
 * Draws four distinct safe primes of `bits` bits, two at a time. After an abort it throws STOPPED at
 * once, but a search already under way ends in its own time: OpenSSL cannot be interrupted, and
 * `process.exit` waits for it, while a signal does not.
 */
export async function fourSafePrimes(bits: number, search: PrimeSearch = {}): Promise<FourPrimes> {
  const { onProgress, signal, source = openSslSafePrime } = search;
  const found = new Set<string>();
  const searchOne = async (): Promise<Buffer> => {
    for (;;) {
      throwIfAborted(signal);
      const prime = await source(bits);
      const id = prime.toString("hex");
      if (!hasTopTwoBits(prime) || found.has(id)) continue;
      found.add(id);
      if (!signal?.aborted) onProgress?.({ done: found.size, of: FOUR });
      return prime;
    }
  };
  const searchFour = async (): Promise<FourPrimes> => {
    const [p, q] = await Promise.all([searchOne(), searchOne()]);
    const [recordP, recordQ] = await Promise.all([searchOne(), searchOne()]);
    return [p, q, recordP, recordQ];
  };
  return await untilAborted(searchFour(), signal);
}

function hasTopTwoBits(prime: Buffer): boolean {
  return os2ip(prime.subarray(0, 1)) >= 0b1100_0000n;
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw stopped();
}

/** As `work`, or STOPPED as soon as the signal says so. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(stopped());
    signal.addEventListener("abort", abort, { once: true });
    const done = (): void => signal.removeEventListener("abort", abort);
    work.then(resolve, reject).finally(done);
  });
}

function stopped(): VeilError {
  return new VeilError("STOPPED", "the search for primes was stopped");
}

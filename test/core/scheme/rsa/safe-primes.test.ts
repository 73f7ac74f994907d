import { checkPrimeSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { os2ip } from "../../../../core/scheme/bytes.ts";
import {
  fourSafePrimes,
  openSslSafePrime,
  type PrimeProgress,
} from "../../../../core/scheme/rsa/safe-primes.ts";

const BITS = 128;

/** One byte that decides and fifteen that do not: a "prime" for looking at the search alone. */
function fake(first: number, last: number): Buffer {
  const bytes = Buffer.alloc(BITS / 8);
  bytes[0] = first;
  bytes[15] = last;
  return bytes;
}

function recorded(primes: Buffer[]): () => Promise<Buffer> {
  return async () => primes.shift() ?? Promise.reject(new Error("the recording is over"));
}

describe("openSslSafePrime", () => {
  it("finds safe primes with both top bits set", async () => {
    const primes = await fourSafePrimes(BITS);
    for (const prime of primes.map(os2ip)) {
      expect(checkPrimeSync(prime)).toBe(true);
      expect(checkPrimeSync((prime - 1n) / 2n)).toBe(true);
      expect(prime >> BigInt(BITS - 2)).toBe(3n);
    }
    expect(new Set(primes.map(os2ip)).size).toBe(4);
  });

  it("reports what OpenSSL refuses", async () => {
    await expect(openSslSafePrime(5)).rejects.toMatchObject({ code: "INTERNAL" });
  });
});

describe("fourSafePrimes", () => {
  it("passes over a repeated prime and one whose second bit is not set", async () => {
    const [a, b, c, d] = [fake(0xc0, 1), fake(0xff, 2), fake(0xc0, 3), fake(0xe0, 4)];
    const source = recorded([a, fake(0xbf, 9), a, b, b, c, d]);
    const found = await fourSafePrimes(BITS, { source });
    expect(new Set(found)).toEqual(new Set([a, b, c, d]));
  });

  it("tells of each prime", async () => {
    const seen: PrimeProgress[] = [];
    const source = recorded([1, 2, 3, 4].map((n) => fake(0xc0, n)));
    await fourSafePrimes(BITS, { source, onProgress: (progress) => seen.push(progress) });
    expect(seen).toEqual([1, 2, 3, 4].map((done) => ({ done, of: 4 })));
  });

  it("stops at once when it is told to, and asks for no further prime", async () => {
    const abort = new AbortController();
    const waiting: ((prime: Buffer) => void)[] = [];
    const seen: PrimeProgress[] = [];
    const search = fourSafePrimes(BITS, {
      source: () => new Promise((resolve) => waiting.push(resolve)),
      signal: abort.signal,
      onProgress: (progress) => seen.push(progress),
    });
    abort.abort();
    await expect(search).rejects.toMatchObject({ code: "STOPPED" });
    waiting.forEach((resolve, index) => {
      resolve(fake(0xc0, index));
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(waiting).toHaveLength(2);
    expect(seen).toEqual([]);
  });

  it("does not start after an abort", async () => {
    const source = (): Promise<Buffer> => Promise.reject(new Error("asked"));
    const search = fourSafePrimes(BITS, { source, signal: AbortSignal.abort() });
    await expect(search).rejects.toMatchObject({ code: "STOPPED" });
  });

  it("ends with the primes where a signal was given and never used", async () => {
    const source = recorded([1, 2, 3, 4].map((n) => fake(0xc0, n)));
    const { signal } = new AbortController();
    expect(await fourSafePrimes(BITS, { source, signal })).toHaveLength(4);
  });
});

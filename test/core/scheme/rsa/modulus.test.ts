import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jacobi } from "../../../../core/scheme/arithmetic.ts";
import { i2osp, os2ip } from "../../../../core/scheme/bytes.ts";
import { acceptModulus } from "../../../../core/scheme/rsa/modulus.ts";
import { PUBLISHED_MODULUS } from "../../../../core/scheme/vectors/published-modulus.ts";
import { crt, K, MODULUS, N, P, Q } from "./group.ts";

describe("acceptModulus", () => {
  it.each([2048, 3072, 4096])("accepts an odd modulus of %i bits", (bits) => {
    expect(acceptModulus(i2osp((1n << BigInt(bits)) - 1n, bits / 8)).bytes).toBe(bits / 8);
  });

  it("makes one object per modulus, since each costs milliseconds", () => {
    expect(acceptModulus(i2osp(N, K))).toBe(MODULUS);
  });

  it.each([
    ["of no bytes", Buffer.alloc(0)],
    ["a bit too short", i2osp((1n << 2047n) - 1n, 256)],
    ["a byte too long", i2osp((1n << 2056n) - 1n, 257)],
    ["of 1,024 bits", i2osp((1n << 1024n) - 1n, 128)],
    ["with a leading zero byte", i2osp(N, K + 1)],
  ])("refuses one %s", (_, bytes) => {
    expect(() => acceptModulus(bytes)).toThrow("must have 2048, 3072, 4096 bits");
  });

  it("refuses an even one", () => {
    expect(() => acceptModulus(i2osp(N - 1n, K))).toThrow("odd");
  });

  it("refuses the modulus of the vectors unless asked", () => {
    const published = Buffer.from(PUBLISHED_MODULUS, "hex");
    expect(() => acceptModulus(published)).toThrow("public factor");
    expect(acceptModulus(published, { allowPublicFactors: true }).bytes).toBe(384);
    // Accepted once does not mean accepted for everybody.
    expect(() => acceptModulus(published)).toThrow("public factor");
  });

  it.each([1024, 1536, 2048])("refuses a modulus with the MODP prime of %i bits", (bits) => {
    const cofactor = (1n << BigInt(bits)) - 3n;
    const encoded = i2osp(modpPrime(bits) * cofactor, bits / 4);
    expect(() => acceptModulus(encoded)).toThrow("public factor");
    expect(acceptModulus(encoded, { allowPublicFactors: true }).bytes).toBe(bits / 4);
  });
});

/** RFC 2409 §6.2, RFC 3526 §2 and §3: 2^n − 2^(n−64) − 1 + 2^64·([2^(n−130)·π] + c), by Machin's formula. */
function modpPrime(bits: number): bigint {
  const size = BigInt(bits);
  const spare = 64n;
  const one = 1n << (size - 130n + spare);
  const arctanInverse = (x: bigint): bigint => {
    let sum = 0n;
    for (let term = one / x, n = 1n, sign = 1n; term > 0n; term /= x * x, n += 2n, sign = -sign)
      sum += (sign * term) / n;
    return sum;
  };
  const pi = (16n * arctanInverse(5n) - 4n * arctanInverse(239n)) >> spare;
  const addend = { 1024: 129_093n, 1536: 741_804n, 2048: 124_476n }[bits] ?? 0n;
  return (1n << size) - (1n << (size - 64n)) - 1n + (1n << 64n) * (pi + addend);
}

describe("fold", () => {
  it("is the smaller of x and N − x", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: N - 1n }), (x) => {
        const smaller = x <= (N - 1n) / 2n ? x : N - x;
        expect(os2ip(MODULUS.fold(i2osp(x, K)))).toBe(smaller);
        expect(MODULUS.fold(i2osp(N - x, K))).toEqual(MODULUS.fold(i2osp(x, K)));
      }),
    );
    const middle = i2osp((N - 1n) / 2n, K);
    expect(MODULUS.fold(middle)).toEqual(middle);
    expect(MODULUS.fold(i2osp((N + 1n) / 2n, K))).toEqual(middle);
  });
});

describe("Check", () => {
  const element = (value: bigint): boolean => MODULUS.isElement(i2osp(value, K));

  it("takes folded squares and nothing above the middle", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 2n, max: N - 2n }), (x) => {
        const folded = MODULUS.fold(i2osp((x * x) % N, K));
        expect(MODULUS.isElement(folded)).toBe(true);
        expect(element(N - os2ip(folded))).toBe(false);
      }),
      { numRuns: 20 },
    );
  });

  it("takes and refuses at the edges of its range", () => {
    expect([0n, 1n, N - 1n, (N + 1n) / 2n].map(element)).toEqual([false, false, false, false]);
    expect(element((N - 1n) / 2n)).toBe(jacobi((N - 1n) / 2n, N) === 1);
    expect(element(4n)).toBe(true);
  });

  it("refuses a Jacobi symbol of −1 or 0", () => {
    const nonElement = [2n, 3n, 5n, 7n, 11n, 13n].find((x) => jacobi(x, N) === -1) ?? 0n;
    expect(nonElement).toBeGreaterThan(1n);
    expect(element(nonElement)).toBe(false);
    expect(element(P)).toBe(false);
    // A root of 1 other than ±1: to a power of it every exponent's parity would show.
    const root = MODULUS.fold(crt(1n, Q - 1n));
    expect(MODULUS.isElement(root)).toBe(false);
  });

  it("refuses any length but k", () => {
    expect(MODULUS.isElement(i2osp(4n, K - 1))).toBe(false);
    expect(MODULUS.isElement(i2osp(4n, K + 1))).toBe(false);
    expect(MODULUS.isElement(Buffer.alloc(0))).toBe(false);
  });
});

describe("acceptHalf", () => {
  it("takes 2 to N − 1 in k bytes", () => {
    expect(os2ip(MODULUS.acceptHalf(i2osp(2n, K)))).toBe(2n);
    expect(os2ip(MODULUS.acceptHalf(i2osp(N - 1n, K)))).toBe(N - 1n);
  });

  it.each([
    ["0", i2osp(0n, K)],
    ["1", i2osp(1n, K)],
    ["N", i2osp(N, K)],
    ["2 in fewer bytes", i2osp(2n, K - 1)],
    ["2 in more bytes", i2osp(2n, K + 1)],
  ])("refuses %s", (_, half) => {
    expect(() => MODULUS.acceptHalf(half)).toThrow("between 1 and N");
  });
});

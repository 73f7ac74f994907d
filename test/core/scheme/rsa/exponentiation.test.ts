import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { i2osp, os2ip } from "../../../../core/scheme/bytes.ts";
import { Exponentiation } from "../../../../core/scheme/rsa/exponentiation.ts";
import { crt, K, N, P, Q } from "./group.ts";

function bigIntPower(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

describe("Exponentiation", () => {
  const engine = new Exponentiation(i2osp(N, K));

  it("agrees with BigInt, for long and for short exponents", () => {
    const base = fc.bigInt({ min: 2n, max: N - 2n });
    const exponent = fc.bigInt({ min: 1n, max: 1n << 300n });
    fc.assert(
      fc.property(base, exponent, (b, e) => {
        const power = engine.power(i2osp(b, K), i2osp(e, K));
        expect(os2ip(power)).toBe(bigIntPower(b, e, N));
        expect(power.length).toBe(K);
      }),
      { numRuns: 20 },
    );
  });

  it("pads a short result to the length of the modulus", () => {
    expect(engine.power(i2osp(3n, K), i2osp(2n, 1))).toEqual(i2osp(9n, K));
  });

  it.each([
    ["n", N],
    ["n + 5, which OpenSSL would reduce", N + 5n],
  ])("refuses a base of %s", (_, base) => {
    expect(() => engine.power(i2osp(base, K), i2osp(3, 1))).toThrow("not a number below");
  });

  it("refuses a base of another length", () => {
    expect(() => engine.power(i2osp(3, K - 1), i2osp(3, 1))).toThrow("not a number below");
    expect(() => engine.power(i2osp(3, K + 1), i2osp(3, 1))).toThrow("not a number below");
  });

  it.each([
    ["0", i2osp(0, K)],
    ["1", i2osp(1, K)],
    ["n − 1", i2osp(N - 1n, K)],
    ["a square root of 1, whose square is 1", crt(1n, Q - 1n)],
  ])("refuses %s", (_, base) => {
    expect(() => engine.power(base, i2osp(2, 1))).toThrow("cannot be raised");
  });

  it("refuses a modulus that OpenSSL would answer with zeros", () => {
    expect(() => new Exponentiation(i2osp(P % (1n << 500n), 63))).toThrow("too short");
    expect(() => new Exponentiation(i2osp(3n, 256))).toThrow("too short");
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bitLength, gcd, jacobi, mod, modInverse } from "../../../core/scheme/arithmetic.ts";

const natural = fc.bigInt({ min: 0n, max: 1n << 200n });
const odd = fc.bigInt({ min: 1n, max: 1n << 200n }).map((n) => 2n * n + 1n);

describe("arithmetic", () => {
  it("gives residues that are not negative", () => {
    expect(mod(-1n, 7n)).toBe(6n);
    expect(mod(15n, 7n)).toBe(1n);
  });

  it("counts bits", () => {
    expect(bitLength(0n)).toBe(0);
    expect(bitLength(255n)).toBe(8);
    expect(bitLength(256n)).toBe(9);
  });

  it("finds the greatest common divisor", () => {
    fc.assert(
      fc.property(natural, natural, odd, (a, b, factor) => {
        const divisor = gcd(a * factor, b * factor);
        expect(divisor % factor).toBe(0n);
        expect(divisor).toBe(gcd(b * factor, a * factor));
      }),
    );
    expect(gcd(12n, 18n)).toBe(6n);
    expect(gcd(0n, 5n)).toBe(5n);
  });

  it("inverts what can be inverted and refuses the rest", () => {
    fc.assert(
      fc.property(natural, odd, (value, modulus) => {
        if (gcd(value, modulus) === 1n)
          expect(mod(value * modInverse(value, modulus), modulus)).toBe(1n);
        else expect(() => modInverse(value, modulus)).toThrow("no inverse");
      }),
    );
  });

  // Euler's criterion is the definition for a prime; the symbol of a product is the product.
  it("agrees with Euler's criterion at small primes", () => {
    for (const prime of [3n, 5n, 7n, 11n, 13n, 10007n])
      for (let value = 0n; value < 40n; value++) {
        const euler = value ** ((prime - 1n) / 2n) % prime;
        expect(jacobi(value, prime)).toBe(euler === prime - 1n ? -1 : Number(euler));
      }
  });

  it("is multiplicative in both arguments, whatever the number of trailing zeros", () => {
    const shift = fc.bigInt({ min: 0n, max: 100n });
    fc.assert(
      fc.property(natural, natural, odd, odd, shift, (a, b, m, n, zeros) => {
        expect(Math.abs(jacobi(a * b, n))).toBe(Math.abs(jacobi(a, n) * jacobi(b, n)));
        expect(jacobi((a * b) << zeros, n) === jacobi(a << zeros, n) * jacobi(b, n)).toBe(true);
        expect(jacobi(a, m * n) === jacobi(a, m) * jacobi(a, n)).toBe(true);
      }),
    );
  });
});

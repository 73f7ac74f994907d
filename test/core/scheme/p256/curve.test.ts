import { createECDH, randomBytes } from "node:crypto";
import { p256 } from "@noble/curves/nist.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { i2osp, os2ip } from "../../../../core/scheme/bytes.ts";
import { acceptScalar, isElement, isScalar, ORDER } from "../../../../core/scheme/p256/curve.ts";
import { randomScalar } from "../../../../core/scheme/p256/random-scalar.ts";

const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const BASE = i2osp(p256.Point.BASE.toAffine().x, 32);
const badArgument = expect.objectContaining({ code: "BAD_ARGUMENT" });

const scalars = fc.bigInt({ min: 1n, max: ORDER - 1n });

describe("multiplication", () => {
  it("is the curve's, by another implementation", () => {
    fc.assert(
      fc.property(scalars, scalars, (a, b) => {
        const point = p256.Point.BASE.multiply(a);
        const x = i2osp(point.toAffine().x, 32);
        expect(acceptScalar(i2osp(a, 32)).timesGenerator()).toEqual(x);
        const product = point.multiply(b).toAffine().x;
        expect(acceptScalar(i2osp(b, 32)).times(x)).toEqual(i2osp(product, 32));
      }),
      { numRuns: 30 },
    );
  });

  it("commutes, and undoes itself with the inverse", () => {
    const { Fn } = p256.Point;
    fc.assert(
      fc.property(scalars, scalars, (a, b) => {
        const [one, two] = [acceptScalar(i2osp(a, 32)), acceptScalar(i2osp(b, 32))];
        expect(one.times(two.timesGenerator())).toEqual(two.times(one.timesGenerator()));
        expect(acceptScalar(i2osp(Fn.inv(a), 32)).times(one.timesGenerator())).toEqual(BASE);
      }),
      { numRuns: 20 },
    );
  });

  it("by 1 and by n − 1 gives back the same x, with its leading zeros", () => {
    // 0 and 5 are x coordinates of the curve: their 31 zero bytes must not be lost.
    for (const x of [i2osp(0, 32), i2osp(5, 32), BASE])
      for (const one of [1n, ORDER - 1n]) expect(acceptScalar(i2osp(one, 32)).times(x)).toEqual(x);
  });

  it("refuses what is no element", () => {
    const scalar = acceptScalar(i2osp(2, 32));
    for (const wrong of [i2osp(1, 32), i2osp(P + 5n, 32), BASE.subarray(1), Buffer.alloc(33)])
      expect(() => scalar.times(wrong)).toThrow(badArgument);
  });
});

describe("an element", () => {
  it("is an x on the curve, below p, in 32 bytes", () => {
    expect([0, 5].map((x) => isElement(i2osp(x, 32)))).toEqual([true, true]);
    expect(isElement(BASE)).toBe(true);
  });

  it.each([
    ["off the curve", i2osp(1, 32)],
    ["p itself", i2osp(P, 32)],
    ["an element plus p", i2osp(P + 5n, 32)],
    ["all ones", Buffer.alloc(32, 0xff)],
    ["no bytes", Buffer.alloc(0)],
    ["31 bytes", BASE.subarray(1)],
    ["33 bytes", Buffer.concat([Buffer.of(2), BASE])],
    ["an uncompressed point", createdPoint()],
  ])("is not %s", (_, bytes) => {
    expect(isElement(bytes)).toBe(false);
  });

  it("is every other number, nearly: half of them are on the curve, half on its twist", () => {
    let on = 0;
    for (let i = 0; i < 400; i++) {
      const x = randomBytes(32);
      const said = isElement(x);
      expect(said).toBe(isOnCurve(os2ip(x)));
      if (said) on++;
    }
    expect(Math.abs(on - 200)).toBeLessThan(80);
  });
});

describe("a scalar", () => {
  it.each([
    ["1", i2osp(1, 32), true],
    ["n − 1", i2osp(ORDER - 1n, 32), true],
    ["0", i2osp(0, 32), false],
    ["n", i2osp(ORDER, 32), false],
    ["n + 1", i2osp(ORDER + 1n, 32), false],
    ["31 bytes", Buffer.alloc(31, 1), false],
    ["33 bytes", i2osp(1, 33), false],
  ])("%s: %#", (_, bytes, accepted) => {
    expect(isScalar(bytes)).toBe(accepted);
    if (accepted) expect(() => acceptScalar(bytes)).not.toThrow();
    else expect(() => acceptScalar(bytes)).toThrow(badArgument);
  });

  it("is drawn again where a draw is 0 or not below n", () => {
    const draws = [i2osp(0, 32), i2osp(ORDER, 32), Buffer.alloc(32, 0xff), i2osp(7, 32)];
    const lengths: number[] = [];
    const drawn = randomScalar((length) => {
      lengths.push(length);
      return draws.shift() ?? randomBytes(length);
    });
    expect(drawn).toEqual(i2osp(7, 32));
    expect(lengths).toEqual([32, 32, 32, 32]);
  });
});

function createdPoint(): Buffer {
  return createECDH("prime256v1").generateKeys();
}

/** y² = x³ − 3x + b, by Euler's criterion. */
function isOnCurve(x: bigint): boolean {
  if (x >= P) return false;
  const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
  const square = (((x * x * x - 3n * x + b) % P) + P) % P;
  let result = 1n;
  let base = square;
  for (let rest = (P - 1n) / 2n; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * base) % P;
    base = (base * base) % P;
  }
  return result !== P - 1n;
}

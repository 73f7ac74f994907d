/**
 * Attack: tokens and wrapped keys that are no proper elements.
 * Holds: any client; a producer chooses T and W, and the bridge raises them to a secret half.
 * Does: sends 0, 1, N−1, numbers ≥ N, N−T beside T, numbers that are no residues, multiples of a factor, other lengths.
 * Gets: without Check: two tokens for one topic (the fold's two sides), a symbol that shows in C, a C that is known
 *   beforehand (0, 1, N−1 go to themselves under every half), and a slow or failing bridge.
 * VeilMQ: Check before any exponentiation: exactly k bytes, 1 < T ≤ (N−1)/2, Jacobi +1. An element of small order
 *   does not exist beyond these: the group's order is p'·q', and whoever finds one of order p' has factored N.
 * PROTOCOL.md §2.2 (Check).
 */
import { expect, test } from "vitest";
import { gcd, jacobi } from "../../core/scheme/arithmetic.ts";
import { i2osp, os2ip } from "../../core/scheme/bytes.ts";
import { crt, P } from "../core/scheme/rsa/group.ts";
import { fold, power } from "./toy.ts";
import { K, N_REC, N_TAG, Party } from "./victim.ts";

const pump = new Party("pump");
const token = pump.role.token("plant/boiler");
const T = os2ip(token);
const { proxy: half } = pump.halves.tag;

/** PEnc without Check. */
const naive = (value: bigint): bigint => fold(power(value, half, N_TAG), N_TAG);

function nonResidue(): bigint {
  for (let x = 2n; ; x++) if (jacobi(x, N_TAG) === -1) return x;
}

test("without Check a topic has several tokens, and some numbers a C known beforehand", () => {
  expect(naive(N_TAG - T)).toBe(naive(T));
  expect(naive(T + N_TAG)).toBe(naive(T));
  expect([0n, 1n, N_TAG - 1n].map(naive)).toEqual([0n, 1n, 1n]);
  expect(jacobi(power(nonResidue(), half, N_TAG), N_TAG)).toBe(-1);
});

test.each([
  ["0", i2osp(0, K)],
  ["1", i2osp(1, K)],
  ["N−1", i2osp(N_TAG - 1n, K)],
  ["N", i2osp(N_TAG, K)],
  ["N−T", i2osp(N_TAG - T, K)],
  ["T with a zero in front", Buffer.concat([Buffer.alloc(1), token])],
  ["T without its last byte", token.subarray(0, K - 1)],
  ["nothing", Buffer.alloc(0)],
  ["a number of symbol −1", i2osp(nonResidue(), K)],
  ["a multiple of a factor", i2osp(P, K)],
])("ours: refuses %s", (_, bytes) => {
  expect(() => pump.proxy.transform(bytes)).toThrow(expect.objectContaining({ code: "BAD_TOKEN" }));
});

test("ours: and the like as W", () => {
  const { wrapped } = pump.makeKey("plant/boiler");
  for (const value of [0n, 1n, N_REC - 1n, N_REC - os2ip(wrapped)])
    expect(() => pump.release.release(i2osp(value, K))).toThrow(
      expect.objectContaining({ code: "BAD_RECORD" }),
    );
});

test("the one that Check lets through: of order p' or q', which only who has the factors finds", () => {
  const element = crt(1n, 4n);
  expect(() => pump.proxy.checkToken(i2osp(fold(os2ip(element), N_TAG), K))).not.toThrow();
  expect(gcd(os2ip(element) - 1n, N_TAG)).toBe(P);
});

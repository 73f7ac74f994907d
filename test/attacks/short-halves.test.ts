/**
 * Attack: a short client half is found by baby steps and giant steps.
 * Holds: the bridge, with its own half, one token T, and the name of that one topic, from wherever.
 * Does: T = h^{e_i1}: Shanks' method finds a half of b bits in 2^(b/2) steps. 32 bits take a second; 64 bits an
 *   afternoon and some memory; Pollard's kangaroo needs no memory.
 * Gets: the client's half, and with its own e = e_i1·e_i2: it tests every name it can think of (the dictionary).
 * VeilMQ: UGen draws uniformly from Z_λ^* and draws again where either half is more than 64 bits shorter than N.
 * PROTOCOL.md §2.2 (UGen).
 */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { bitLength, mod, modInverse } from "../../core/scheme/arithmetic.ts";
import { i2osp, os2ip } from "../../core/scheme/bytes.ts";
import { splitHalves } from "../../core/scheme/owner.ts";
import { hashToGroup } from "../../core/scheme/rsa/hash-to-group.ts";
import { FIXTURE_MASTER } from "../core/scheme/fixture-master.ts";
import { MODULUS } from "../core/scheme/rsa/group.ts";
import { discreteLog, fold, lambdaFrom, power } from "./toy.ts";
import { bothHalves, K, N_TAG, REALM } from "./victim.ts";

const BITS = 30;
const h = os2ip(hashToGroup(MODULUS, REALM, "plant/boiler"));

/** Of a folded value only the square is known for certain. */
function logOfToken(token: bigint): bigint | null {
  const [base, value] = [(h * h) % N_TAG, (token * token) % N_TAG];
  return discreteLog({ base, value, modulus: N_TAG, bits: BITS });
}

test("a half of 30 bits is found in a second, at the full size of N", () => {
  const half = os2ip(randomBytes(4)) % (1n << BigInt(BITS));
  const token = fold(power(h, half, N_TAG), N_TAG);
  expect(logOfToken(token)).toBe(half);
});

test("a half of ours is not among them", () => {
  const { client } = bothHalves().tag;
  expect(logOfToken(fold(power(h, client, N_TAG), N_TAG))).toBeNull();
});

test("UGen refuses a short half on either side, and draws again", () => {
  const lambda = lambdaFrom(os2ip(FIXTURE_MASTER.tag.p), N_TAG);
  const short = 0xdead_beefn | 1n;
  const withShortProxy = mod(os2ip(FIXTURE_MASTER.tag.e) * modInverse(short, lambda), lambda);
  const drawn = [short, withShortProxy].map((half) => i2osp(half, K));
  const random = (length: number): Buffer => drawn.shift() ?? randomBytes(length);
  const pair = splitHalves({ master: FIXTURE_MASTER, random, consumer: false });
  expect(drawn).toEqual([]);
  for (const half of [pair.client.tag, pair.proxy.tag])
    expect(bitLength(os2ip(half))).toBeGreaterThanOrEqual(8 * K - 64);
});

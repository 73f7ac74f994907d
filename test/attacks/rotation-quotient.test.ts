/**
 * Attack: the bridge factors N by itself, from a rotation that keeps the modulus.
 * Holds: the bridge's own halves before and after; no client helps.
 * Does: if e becomes e' under the same N and the clients keep their halves, each of the bridge's halves is multiplied
 *   by the same quotient q = e'/e modulo λ. Told q, q·e_i2 − e_i2' is a multiple of λ; not told, the halves of two
 *   clients say the same: e_i2·e_j2' − e_j2·e_i2'.
 * Gets: the factors; then it needs one client's half for every topic, and has d for every record.
 * VeilMQ: a new epoch has new moduli and fresh halves on both sides. No quotient exists, and no document has a place
 *   for one.
 * PROTOCOL.md §4 ("Epochs": never hand the bridge a quotient of exponents).
 */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { mod } from "../../core/scheme/arithmetic.ts";
import { os2ip } from "../../core/scheme/bytes.ts";
import type { RsaMaster } from "../../core/scheme/rsa/owner.ts";
import { sealedHalvesSchema } from "../../core/wire/directory.ts";
import { FIXTURE_MASTER } from "../core/scheme/fixture-master.ts";
import { factorFrom, lambdaFrom } from "./toy.ts";
import { bothHalves, N_REC, N_TAG } from "./victim.ts";

const FACTORS = [os2ip(FIXTURE_MASTER.tag.p), os2ip(FIXTURE_MASTER.tag.q)];
const LAMBDA = lambdaFrom(os2ip(FIXTURE_MASTER.tag.p), N_TAG);

/** The naive owner: a new e under the old N; the clients keep their halves, the bridge gets new ones. */
function rotateNaively() {
  const quotient = os2ip(randomBytes(255)) | 1n;
  const before = [bothHalves().tag, bothHalves().tag].map(({ proxy }) => proxy);
  const after = before.map((half) => mod(half * quotient, LAMBDA));
  return { quotient: mod(quotient, LAMBDA), before, after };
}

test("a quotient handed to the bridge is a factor handed to the bridge", () => {
  const { quotient, before, after } = rotateNaively();
  const [half = 0n] = before;
  const [turned = 0n] = after;
  expect(FACTORS).toContain(factorFrom(quotient * half - turned, N_TAG));
});

test("and it need not be handed: the halves of two clients imply it", () => {
  const { before, after } = rotateNaively();
  const [i = 0n, j = 0n] = before;
  const [newI = 0n, newJ = 0n] = after;
  expect(FACTORS).toContain(factorFrom(i * newJ - j * newI, N_TAG));
});

test("ours: the halves of two epochs have no quotient in common, under either modulus", () => {
  const { tag, record } = FIXTURE_MASTER;
  const next: RsaMaster = { suite: "rsa", tag: { ...record, e: tag.e }, record: tag };
  const [i, j] = [bothHalves().tag.proxy, bothHalves().tag.proxy];
  const [newI, newJ] = [bothHalves(next).tag.proxy, bothHalves(next).tag.proxy];
  for (const modulus of [N_TAG, N_REC]) {
    expect(factorFrom(i * newJ - j * newI, modulus)).toBeNull();
    expect(factorFrom(i * newI - j * newJ, modulus)).toBeNull();
  }
});

test("ours: nor do the halves of a client that is enrolled again: both sides are drawn anew", () => {
  const [first, second, third, fourth] = Array.from({ length: 4 }, () => bothHalves().tag.proxy);
  const multiple = (first ?? 0n) * (fourth ?? 0n) - (second ?? 0n) * (third ?? 0n);
  expect(factorFrom(multiple, N_TAG)).toBeNull();
});

test("ours: the bridge's document has no place for a quotient", () => {
  const half = Buffer.alloc(256, 5).toString("base64url");
  expect(sealedHalvesSchema.safeParse([{ epoch: 2, tag: half }]).success).toBe(true);
  const quotient = { epoch: 2, tag: half, quotient: half };
  expect(sealedHalvesSchema.safeParse([quotient]).success).toBe(false);
});

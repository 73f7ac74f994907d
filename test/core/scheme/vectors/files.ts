/**
 * The published vector files, and files of the same shape for other keys: made with BigInt, Python's
 * way, and with nothing of the suite's own arithmetic, so that the checker has an opponent.
 */
import { readFileSync } from "node:fs";
import { expand_message_xmd } from "@noble/curves/abstract/hash-to-curve.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { modInverse } from "../../../../core/scheme/arithmetic.ts";
import { base32, sha256 as digest, i2osp, join, lp, os2ip } from "../../../../core/scheme/bytes.ts";

/** A parsed vector file, its values not yet trusted. */
export type Json = Record<string, unknown>;

export function published(name: string): Json {
  return JSON.parse(
    readFileSync(new URL(`../../../vectors/${name}.json`, import.meta.url), "utf8"),
  );
}

export function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

const hex = (value: bigint): string => value.toString(16);
const fold = (x: bigint, n: bigint): bigint => (2n * x < n ? x : n - x);

/** A file of suite `rsa`; one case for each topic. `e` and `half` must be units modulo λ. */
export function rsaFile(input: {
  p: bigint;
  q: bigint;
  lambda: bigint;
  e: bigint;
  half: bigint;
  topics: string[];
}): Json & { cases: Json[] } {
  const { p, q, lambda, e, half, topics } = input;
  const n = p * q;
  const k = hex(n).length / 2;
  const half2 = (e * modInverse(half, lambda)) % lambda;
  const cases = topics.map((topic) => {
    const realm = join(lp("globex"), i2osp(70_000, 4));
    const uniform = expand_message_xmd(
      join(realm, lp(topic)),
      "VEILMQ-V01-CS01-RSAQR3072-SHA256-H2G",
      k + 16,
      sha256,
    );
    const h = fold(os2ip(uniform) ** 2n % n, n);
    const token = fold(power(h, half, n), n);
    const canonical = fold(power(h, e, n), n);
    const tag = digest("VEILMQ-V01-tag\0", Buffer.of(1), realm, i2osp(canonical, k));
    const name = `veil-${base32(tag)}`;
    const [hHex, T, C] = [hex(h), hex(token), hex(canonical)];
    return {
      name,
      tag: tag.toString("hex"),
      C,
      Ta: T,
      h: hHex,
      topic,
      epoch: 70_000,
      tenant: "globex",
    };
  });
  const keys = { ea2: hex(half2), ea1: hex(half), e: hex(e), q: hex(q), p: hex(p), N: hex(n) };
  return { cases, ...keys, suite: "rsa" };
}

/** The file with another digit at one place of a hexadecimal value. */
export function withWrongDigit(file: Json, path: (string | number)[], at: number): Json {
  const copy: Json = structuredClone(file);
  let holder: unknown = copy;
  for (const step of path.slice(0, -1)) holder = Reflect.get(Object(holder), step);
  const last = path.at(-1) ?? "";
  const text = String(Reflect.get(Object(holder), last));
  const index = at % text.length;
  const digit = ((Number.parseInt(text.charAt(index), 16) + 1) % 16).toString(16);
  Reflect.set(Object(holder), last, text.slice(0, index) + digit + text.slice(index + 1));
  return copy;
}

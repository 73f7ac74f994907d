/** Files of the shapes of p256.json and hmac.json for other keys, made without the suites' own arithmetic. */
import { p256, p256_hasher } from "@noble/curves/nist.js";
import { base32, hmacSha256, i2osp, join, lp, sha256 } from "../../../../core/scheme/bytes.ts";
import type { Json } from "./files.ts";

const PLACE = { tenant: "globex", epoch: 70_000 };
const REALM = join(lp(PLACE.tenant), i2osp(PLACE.epoch, 4));

/** A file of suite `p256`; one case for each topic. */
export function p256File(input: {
  k: bigint;
  half: bigint;
  topics: string[];
}): Json & { cases: Json[] } {
  const { k, half, topics } = input;
  const { Fn } = p256.Point;
  const keys = { k: hex(k), k_i1: hex(half), k_i2: hex(Fn.mul(k, Fn.inv(half))) };
  const cases = topics.map((topic) => {
    const DST = "VEILMQ-V01-CS03-P256_XMD:SHA-256_SSWU_RO_";
    const point = p256_hasher.hashToCurve(join(REALM, lp(topic)), { DST });
    const x = (scalar: bigint): string => hex(point.multiply(scalar).toAffine().x);
    const C = x(k);
    return { ...PLACE, topic, Hx: hex(point.toAffine().x), T: x(half), C, ...names(0x03, C) };
  });
  return { suite: "p256", ...keys, cases };
}

/** A file of suite `hmac`; one case for each topic. */
export function hmacFile(input: {
  kc: Buffer;
  ks: Buffer;
  topics: string[];
}): Json & { cases: Json[] } {
  const { kc, ks, topics } = input;
  const cases = topics.map((topic) => {
    const token = hmacSha256(kc, "VEILMQ-V01-sym-c\0", REALM, lp(topic));
    const C = hmacSha256(ks, "VEILMQ-V01-sym-s\0", token).toString("hex");
    return { ...PLACE, topic, T: token.toString("hex"), C, ...names(0x04, C) };
  });
  return { suite: "hmac", K_c: kc.toString("hex"), K_s: ks.toString("hex"), cases };
}

function names(suite: number, canonical: string): { tag: string; name: string } {
  const tag = sha256("VEILMQ-V01-tag\0", Buffer.of(suite), REALM, Buffer.from(canonical, "hex"));
  return { tag: tag.toString("hex"), name: `veil-${base32(tag)}` };
}

function hex(value: bigint): string {
  return i2osp(value, 32).toString("hex");
}

/**
 * H of PROTOCOL.md §2.2: from a context, or from random bytes, to a signed quadratic residue.
 *
 *   u = expand_message_xmd(SHA-256, ctx(tenant, epoch, topic), DST, k+16)      RFC 9380 §5.3.1
 *   x = OS2IP(u) mod N;  abort if gcd(x, N) ≠ 1;  h = fold(x² mod N)
 *
 * Sixteen bytes more than N make the reduction's bias at most 2^-128. BigInt squares here: a topic's
 * hash is the same in every call, a random r is used once, so there is no statistic to collect.
 */
import { expand_message_xmd } from "@noble/curves/abstract/hash-to-curve.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { VeilError } from "../../errors.ts";
import { gcd } from "../arithmetic.ts";
import { i2osp, os2ip } from "../bytes.ts";
import { context, type Realm } from "../context.ts";
import type { Modulus } from "./modulus.ts";

/** The domain separation tag, the same at every size of N. */
const DST = Buffer.from("VEILMQ-V01-CS01-RSAQR3072-SHA256-H2G", "ascii");
const EXTRA_BYTES = 16;

/** How many uniform bytes {@link mapToGroup} takes: k + 16. */
export function uniformBytes(modulus: Modulus): number {
  return modulus.bytes + EXTRA_BYTES;
}

/** H(topic): an element of k bytes. Throws BAD_ARGUMENT above 65,535 bytes of topic. */
export function hashToGroup(modulus: Modulus, realm: Realm, topic: string): Buffer {
  const message = context(realm, topic);
  return mapToGroup(modulus, expand_message_xmd(message, DST, uniformBytes(modulus), sha256));
}

/**
 * The map of k+16 uniform bytes to an element of k bytes. Throws BAD_ARGUMENT where the bytes share
 * a factor with N: whoever sees that happen has factored N.
 */
export function mapToGroup(modulus: Modulus, uniform: Uint8Array): Buffer {
  const x = os2ip(uniform) % modulus.value;
  if (gcd(x, modulus.value) !== 1n)
    throw new VeilError("BAD_ARGUMENT", "the hash shares a factor with the modulus");
  return modulus.fold(i2osp((x * x) % modulus.value, modulus.bytes));
}

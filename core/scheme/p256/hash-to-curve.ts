/**
 * H of PROTOCOL.md §2.3: from a context to an element.
 *
 *   P = hash_to_curve(ctx(tenant, epoch, topic)),  H = x(P)      RFC 9380, P256_XMD:SHA-256_SSWU_RO_ (§8.2)
 *   DST = "VEILMQ-V01-CS03-P256_XMD:SHA-256_SSWU_RO_"
 *
 * This is BigInt arithmetic, not constant-time: a topic's hash is the same in every call, and no key
 * takes part in it. About 0.2 ms.
 */
import { p256_hasher } from "@noble/curves/nist.js";
import { context, type Realm } from "../context.ts";
import { P256_BYTES } from "./curve.ts";

const DST = "VEILMQ-V01-CS03-P256_XMD:SHA-256_SSWU_RO_";
/** Uncompressed: `04 ‖ x ‖ y` (SEC 1 §2.3.3). */
const X_AT = 1;

/** H(topic): an element of 32 bytes. Throws BAD_ARGUMENT above 65,535 bytes of topic. */
export function hashToElement(realm: Realm, topic: string): Buffer {
  return hashToCurve(context(realm, topic), DST).subarray(X_AT, X_AT + P256_BYTES);
}

/** `hash_to_curve` under any DST: the point, uncompressed in 65 bytes. */
export function hashToCurve(message: Uint8Array, dst: string): Buffer {
  return Buffer.from(p256_hasher.hashToCurve(message, { DST: dst }).toBytes(false));
}

/**
 * The two keyed hashes of suite `hmac` (PROTOCOL.md §2.4, the report's §2.1.1), 32 bytes each. The owner, who has both
 * keys, computes both; a client has K_c, the bridge K_s.
 */
import { hmacSha256 } from "../bytes.ts";
import { context, type Realm } from "../context.ts";

/** The length of T and C. */
export const MAC_BYTES = 32;

/** T = HMAC-SHA-256(K_c, "VEILMQ-V01-sym-c\0" ‖ ctx(tenant, epoch, topic)). */
export function clientMac(sharedKey: Uint8Array, realm: Realm, topic: string): Buffer {
  return hmacSha256(sharedKey, "VEILMQ-V01-sym-c\0", context(realm, topic));
}

/** C = HMAC-SHA-256(K_s, "VEILMQ-V01-sym-s\0" ‖ T). */
export function proxyMac(proxyKey: Uint8Array, token: Uint8Array): Buffer {
  return hmacSha256(proxyKey, "VEILMQ-V01-sym-s\0", token);
}

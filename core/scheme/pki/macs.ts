/**
 * The two keyed hashes of suite `pki` (PROTOCOL.md §2.4, the report's §2.1.2), 32 bytes each. The owner, who has both
 * keys, computes both; a client has K_org, the bridge K_s.
 */
import { hmacSha256 } from "../bytes.ts";
import { context, type Realm } from "../context.ts";

/** The length of h and C. */
export const MAC_BYTES = 32;

/** h = HMAC-SHA-256(K_org, "VEILMQ-V01-pki-h\0" ‖ ctx(tenant, epoch, topic)). */
export function topicMac(sharedKey: Uint8Array, realm: Realm, topic: string): Buffer {
  return hmacSha256(sharedKey, "VEILMQ-V01-pki-h\0", context(realm, topic));
}

/** C = HMAC-SHA-256(K_s, "VEILMQ-V01-pki-s\0" ‖ h). */
export function proxyMac(proxyKey: Uint8Array, h: Uint8Array): Buffer {
  return hmacSha256(proxyKey, "VEILMQ-V01-pki-s\0", h);
}

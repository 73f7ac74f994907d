/**
 * Client-side of suite `pki` (PROTOCOL.md §2.4), with K_org, which all clients of a tenant share, and a consumer's
 * Ed25519 private key (RFC 8032), which is the one of its announcements:
 *
 *   h       = HMAC-SHA-256(K_org, "VEILMQ-V01-pki-h\0" ‖ ctx(tenant, epoch, topic))
 *   UEnc    producer T = h                                                            32 bytes
 *           consumer T = h ‖ Ed25519("VEILMQ-V01-pki-sub\0" ‖ ctx(tenant, epoch) ‖ lp(clientId) ‖ h)      96 bytes
 *   wrap    r of 32 random bytes,  W = AES-256-KW(wrapping key from K_org, r)
 *   UDec    r, from V = W
 *   IKM     = r, 32 bytes
 */
import { sign } from "node:crypto";
import { join } from "../bytes.ts";
import { type ClientInput, type ClientRole, type PkiParameters, SUITE } from "../suite.ts";
import { symmetricRecords } from "../symmetric/client.ts";
import { acceptKey } from "../symmetric/key.ts";
import { topicMac } from "./macs.ts";
import { subscription } from "./subscription.ts";

/** Throws BAD_ARGUMENT for halves outside §2.4. */
export function pkiClient(input: ClientInput<PkiParameters>): ClientRole {
  const { realm, halves, consumer } = input;
  const sharedKey = acceptKey(halves.tag);
  return {
    suite: SUITE.pki,
    realm,
    token(topic) {
      const h = topicMac(sharedKey, realm, topic);
      if (!consumer) return h;
      return join(h, sign(null, subscription(realm, consumer.id, h), consumer.signingKey));
    },
    ...symmetricRecords(input),
  };
}

/**
 * What a consumer of suite `pki` signs (PROTOCOL.md §2.4): its own name stands in it, so a trapdoor that somebody
 * overhears is of no use under another login.
 */
import { join, lp } from "../bytes.ts";
import { context, type Realm } from "../context.ts";

/** The length of an Ed25519 signature (RFC 8032 §5.1.6). */
export const SIGNATURE_BYTES = 64;

/** "VEILMQ-V01-pki-sub\0" ‖ ctx(tenant, epoch) ‖ lp(clientId) ‖ h. */
export function subscription(realm: Realm, clientId: string, h: Uint8Array): Buffer {
  return join("VEILMQ-V01-pki-sub\0", context(realm), lp(clientId), h);
}

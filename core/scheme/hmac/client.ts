/**
 * Client-side of suite `hmac` (PROTOCOL.md §2.4), with K_c, which all clients of a tenant share:
 *
 *   UEnc    T = HMAC-SHA-256(K_c, "VEILMQ-V01-sym-c\0" ‖ ctx(tenant, epoch, topic))      token, trapdoor
 *   wrap    r of 32 random bytes,  W = AES-256-KW(wrapping key from K_c, r)
 *   UDec    r, from V = W
 *   IKM     = r, 32 bytes
 */
import { type ClientRole, type HmacParameters, type RoleInput, SUITE } from "../suite.ts";
import { symmetricRecords } from "../symmetric/client.ts";
import { acceptKey } from "../symmetric/key.ts";
import { clientMac } from "./macs.ts";

/** Throws BAD_ARGUMENT for halves outside §2.4. */
export function hmacClient(input: RoleInput<HmacParameters>): ClientRole {
  const { realm, halves } = input;
  const sharedKey = acceptKey(halves.tag);
  return {
    suite: SUITE.hmac,
    realm,
    token: (topic) => clientMac(sharedKey, realm, topic),
    ...symmetricRecords(input),
  };
}

/**
 * Proxy-side of suite `hmac` (PROTOCOL.md §2.4), with K_s, the same for every client:
 *
 *   *Check*(T): exactly 32 bytes;  PEnc  C = HMAC-SHA-256(K_s, "VEILMQ-V01-sym-s\0" ‖ T)
 *
 * Any 32 bytes could be somebody's T: a wrong one ends in a tag that no grant names.
 */
import { VeilError } from "../../errors.ts";
import { type HmacParameters, type ProxyRole, type RoleInput, SUITE } from "../suite.ts";
import { acceptKey } from "../symmetric/key.ts";
import { MAC_BYTES, proxyMac } from "./macs.ts";

/** PEnc for one client. Throws BAD_ARGUMENT for a half outside §2.4. */
export function hmacProxy({ realm, halves }: RoleInput<HmacParameters>): ProxyRole {
  const proxyKey = acceptKey(halves.tag);
  const checkToken = (token: Uint8Array): void => {
    if (token.length !== MAC_BYTES)
      throw new VeilError("BAD_TOKEN", `a token of this suite has ${MAC_BYTES} bytes`);
  };
  return {
    suite: SUITE.hmac,
    realm,
    checkToken,
    transform(token) {
      checkToken(token);
      return proxyMac(proxyKey, token);
    },
  };
}

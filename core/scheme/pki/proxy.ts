/**
 * Proxy-side of suite `pki` (PROTOCOL.md §2.4), with K_s, the same for every client:
 *
 *   *Check*(T)   of a producer: exactly 32 bytes, h
 *                of a consumer: exactly 96 bytes, h ‖ a signature that its public key verifies (0.1 ms)
 *   PEnc         C = HMAC-SHA-256(K_s, "VEILMQ-V01-pki-s\0" ‖ h)
 */
import { verify } from "node:crypto";
import { VeilError } from "../../errors.ts";
import { type PkiParameters, type ProxyInput, type ProxyRole, SUITE } from "../suite.ts";
import { acceptKey } from "../symmetric/key.ts";
import { MAC_BYTES, proxyMac } from "./macs.ts";
import { SIGNATURE_BYTES, subscription } from "./subscription.ts";

/** PEnc for one client, as the producer or the consumer that `input` says. Throws BAD_ARGUMENT for a half outside §2.4. */
export function pkiProxy(input: ProxyInput<PkiParameters>): ProxyRole {
  const { realm, halves, consumer } = input;
  const proxyKey = acceptKey(halves.tag);
  const length = consumer ? MAC_BYTES + SIGNATURE_BYTES : MAC_BYTES;
  const checkToken = (token: Uint8Array): void => {
    if (token.length !== length)
      throw new VeilError("BAD_TOKEN", `a token of this suite has ${length} bytes here`);
    if (!consumer) return;
    const [h, signature] = [token.subarray(0, MAC_BYTES), token.subarray(MAC_BYTES)];
    if (!verify(null, subscription(realm, consumer.id, h), consumer.publicKey, signature))
      throw new VeilError("BAD_TOKEN", "the trapdoor is not signed by this consumer");
  };
  return {
    suite: SUITE.pki,
    realm,
    checkToken,
    transform(token) {
      checkToken(token);
      return proxyMac(proxyKey, token.subarray(0, MAC_BYTES));
    },
  };
}

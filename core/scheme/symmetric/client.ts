/**
 * Client-side record keys of suites `hmac` and `pki` (PROTOCOL.md §2.4): a producer wraps under its tag half, which
 * is the shared key; a consumer unwraps under its record half, the same key. That a mere producer may
 * not ask for V is the bridge's grant, not mathematics: whoever holds W and the shared key has r.
 */
import { VeilError } from "../../errors.ts";
import type { ClientRole, RoleInput } from "../suite.ts";
import { acceptKey } from "./key.ts";
import { UNWRAPPED_BYTES, unwrapKey, wrapKey, wrappingKey } from "./wrapping.ts";

/** IKM = r, 32 bytes; W and V have 40. Throws BAD_ARGUMENT for halves outside §2.4. */
export function symmetricRecords(
  input: Pick<RoleInput, "realm" | "halves">,
): Pick<ClientRole, "wrap" | "unwrap"> {
  const { realm, halves } = input;
  const producerKey = wrappingKey(acceptKey(halves.tag), realm);
  const consumerKey = halves.record && wrappingKey(acceptKey(halves.record), realm);
  return {
    wrap(random) {
      const ikm = random(UNWRAPPED_BYTES);
      return { ikm, wrapped: wrapKey(producerKey, ikm) };
    },
    unwrap(released) {
      if (consumerKey === undefined)
        throw new VeilError("BAD_ARGUMENT", "this client holds no record half: it is no consumer");
      return unwrapKey(consumerKey, released);
    },
  };
}

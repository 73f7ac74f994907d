/**
 * Proxy-side of suite `p256` (PROTOCOL.md §2.3), with the bridge's halves of one client:
 *
 *   *Check*(T);  PEnc  C = x(k_i2·T)        the same C for every client
 *   *Check*(W);  PDec  V = x(x_j2·W)        for consumers
 *
 * *Check*: exactly 32 bytes, the x coordinate of a point on the curve (0.02 ms).
 */
import { VeilError } from "../../errors.ts";
import {
  type P256Parameters,
  type ProxyRole,
  type ReleaseInput,
  type ReleaseRole,
  type RoleInput,
  SUITE,
} from "../suite.ts";
import { acceptScalar, isElement } from "./curve.ts";

/** PEnc for one client. Throws BAD_ARGUMENT for a half outside §2.3. */
export function p256Proxy({ realm, halves }: RoleInput<P256Parameters>): ProxyRole {
  const half = acceptScalar(halves.tag);
  const checkToken = (token: Uint8Array): void => {
    if (!isElement(token)) throw new VeilError("BAD_TOKEN", "the token is no element of the curve");
  };
  return {
    suite: SUITE.p256,
    realm,
    checkToken,
    transform(token) {
      checkToken(token);
      return half.times(token);
    },
  };
}

/** PDec for one consumer. Throws BAD_ARGUMENT as {@link p256Proxy}, and without a record half. */
export function p256Release({ halves }: ReleaseInput<P256Parameters>): ReleaseRole {
  if (halves.record === undefined)
    throw new VeilError("BAD_ARGUMENT", "this client has no record half: it is no consumer");
  const half = acceptScalar(halves.record);
  return {
    release(wrapped) {
      checkP256Wrapped(wrapped);
      return half.times(wrapped);
    },
  };
}

/** *Check*(W): throws BAD_RECORD unless an announcement's W is an element. */
export function checkP256Wrapped(wrapped: Uint8Array): void {
  if (!isElement(wrapped))
    throw new VeilError("BAD_RECORD", "the wrapped key is no element of the curve");
}

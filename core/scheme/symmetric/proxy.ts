/**
 * Proxy-side record keys of suites `hmac` and `pki` (PROTOCOL.md §2.4): V = W. The bridge has no key to a W,
 * so *Check* is its length; whether it holds a key shows at the consumer.
 */
import { VeilError } from "../../errors.ts";
import type { ReleaseInput, ReleaseRole } from "../suite.ts";
import { WRAPPED_BYTES } from "./wrapping.ts";

/** Hands W on. Throws BAD_ARGUMENT without a record half, which is of 0 bytes and says "a consumer". */
export function symmetricRelease({ halves }: Pick<ReleaseInput, "halves">): ReleaseRole {
  if (halves.record === undefined)
    throw new VeilError("BAD_ARGUMENT", "this client has no record half: it is no consumer");
  if (halves.record.length !== 0)
    throw new VeilError("BAD_ARGUMENT", "a proxy's record half of this suite is empty");
  return {
    release(wrapped) {
      checkSymmetricWrapped(wrapped);
      return Buffer.from(wrapped);
    },
  };
}

/** *Check*(W): throws BAD_RECORD unless it has 40 bytes. */
export function checkSymmetricWrapped(wrapped: Uint8Array): void {
  if (wrapped.length !== WRAPPED_BYTES)
    throw new VeilError("BAD_RECORD", `a wrapped key of this suite has ${WRAPPED_BYTES} bytes`);
}

/**
 * Client-side of suite `p256` (PROTOCOL.md §2.3), with this client's own halves:
 *
 *   UEnc    T = x(k_i1·H(topic))                                       token, trapdoor
 *   wrap    r uniform in [1, n),  W = x(r·G),  S = x(r·X)              a producer's data key
 *   UDec    S = x(x_j1·V)                                              a consumer's
 *   IKM     = S, 32 bytes
 */
import { VeilError } from "../../errors.ts";
import { type ClientRole, type P256Parameters, type RoleInput, SUITE } from "../suite.ts";
import { acceptScalar, isElement, Scalar } from "./curve.ts";
import { hashToElement } from "./hash-to-curve.ts";
import { randomScalar } from "./random-scalar.ts";

/** Throws BAD_ARGUMENT for parameters or halves outside §2.3. */
export function p256Client(input: RoleInput<P256Parameters>): ClientRole {
  const { realm, parameters, halves } = input;
  const { xRec } = parameters;
  if (!isElement(xRec))
    throw new VeilError("BAD_ARGUMENT", "the public key of records is not on the curve");
  const tagHalf = acceptScalar(halves.tag);
  const recordHalf = halves.record && acceptScalar(halves.record);
  return {
    suite: SUITE.p256,
    realm,
    token: (topic) => tagHalf.times(hashToElement(realm, topic)),
    wrap(random) {
      const r = new Scalar(randomScalar(random));
      return { ikm: r.times(xRec), wrapped: r.timesGenerator() };
    },
    unwrap(released) {
      if (recordHalf === undefined)
        throw new VeilError("BAD_ARGUMENT", "this client holds no record half: it is no consumer");
      if (!isElement(released))
        throw new VeilError("BAD_KEY", "the released value is no element of the curve");
      return recordHalf.times(released);
    },
  };
}

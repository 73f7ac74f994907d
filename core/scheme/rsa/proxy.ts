/**
 * Proxy-side of suite `rsa` (PROTOCOL.md §2.2), with the bridge's halves of one client:
 *
 *   *Check*(T);  PEnc  C = fold(T^{e_i2})        the same C for every client
 *   *Check*(W);  PDec  V = fold(W^{d_j2})        for consumers
 *
 * Each exponentiation blocks its thread for 2 to 15 ms, by the size of N.
 */
import { VeilError } from "../../errors.ts";
import {
  type ProxyRole,
  type ReleaseInput,
  type ReleaseRole,
  type RoleInput,
  type RsaParameters,
  SUITE,
} from "../suite.ts";
import { acceptModulus, type Modulus, type ModulusOptions } from "./modulus.ts";

/** PEnc for one client. Throws BAD_ARGUMENT for parameters or halves outside §2.2. */
export function rsaProxy(input: RoleInput<RsaParameters>): ProxyRole {
  const { realm, parameters, halves } = input;
  const modulus = acceptModulus(parameters.nTag, input);
  const half = modulus.acceptHalf(halves.tag);
  const checkToken = (token: Uint8Array): void => {
    if (!modulus.isElement(token))
      throw new VeilError("BAD_TOKEN", "the token is no element of this epoch's group");
  };
  return {
    suite: SUITE.rsa,
    realm,
    checkToken,
    transform(token) {
      checkToken(token);
      return modulus.foldedPower(token, half);
    },
  };
}

/** PDec for one consumer. Throws BAD_ARGUMENT as {@link rsaProxy}, and without a record half. */
export function rsaRelease(input: ReleaseInput<RsaParameters>): ReleaseRole {
  const { parameters, halves } = input;
  const modulus = acceptModulus(parameters.nRec, input);
  if (halves.record === undefined)
    throw new VeilError("BAD_ARGUMENT", "this client has no record half: it is no consumer");
  const half = modulus.acceptHalf(halves.record);
  return {
    release(wrapped) {
      checkElement(modulus, wrapped);
      return modulus.foldedPower(wrapped, half);
    },
  };
}

/** *Check*(W) under N_rec: throws BAD_RECORD unless an announcement's W is an element. */
export function checkRsaWrapped(
  parameters: RsaParameters,
  wrapped: Uint8Array,
  options: ModulusOptions = {},
): void {
  checkElement(acceptModulus(parameters.nRec, options), wrapped);
}

function checkElement(modulus: Modulus, wrapped: Uint8Array): void {
  if (!modulus.isElement(wrapped))
    throw new VeilError("BAD_RECORD", "the wrapped key is no element of this epoch's group");
}

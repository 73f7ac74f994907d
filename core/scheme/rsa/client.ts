/**
 * Client-side of suite `rsa` (PROTOCOL.md §2.2), with this client's own halves:
 *
 *   UEnc    T = fold(H(topic)^{e_i1})                                  token, trapdoor
 *   wrap    r = H-map of k+16 random bytes,  W = fold(r^65537)         a producer's data key
 *   UDec    r = fold(V^{d_j1})                                         a consumer's
 *   IKM     = I2OSP(r, k)
 */
import { VeilError } from "../../errors.ts";
import { i2osp } from "../bytes.ts";
import { type ClientRole, type RoleInput, type RsaParameters, SUITE } from "../suite.ts";
import { hashToGroup, mapToGroup, uniformBytes } from "./hash-to-group.ts";
import { acceptModulus } from "./modulus.ts";

/** The public exponent of record keys, 65537. */
export const RECORD_EXPONENT = i2osp(65_537, 3);

/** Throws BAD_ARGUMENT for parameters or halves outside §2.2. */
export function rsaClient(input: RoleInput<RsaParameters>): ClientRole {
  const { realm, parameters, halves } = input;
  const tags = acceptModulus(parameters.nTag, input);
  const records = acceptModulus(parameters.nRec, input);
  const tagHalf = tags.acceptHalf(halves.tag);
  const recordHalf = halves.record && records.acceptHalf(halves.record);
  return {
    suite: SUITE.rsa,
    realm,
    token: (topic) => tags.foldedPower(hashToGroup(tags, realm, topic), tagHalf),
    wrap(random) {
      const ikm = mapToGroup(records, random(uniformBytes(records)));
      return { ikm, wrapped: records.foldedPower(ikm, RECORD_EXPONENT) };
    },
    unwrap(released) {
      if (recordHalf === undefined)
        throw new VeilError("BAD_ARGUMENT", "this client holds no record half: it is no consumer");
      if (!records.isElement(released))
        throw new VeilError("BAD_KEY", "the released value is no element of the record group");
      return records.foldedPower(released, recordHalf);
    },
  };
}

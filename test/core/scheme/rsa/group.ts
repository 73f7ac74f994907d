/** The group of the fixture master, with the factors that let tests build its odd elements. */
import { modInverse } from "../../../../core/scheme/arithmetic.ts";
import { i2osp, os2ip } from "../../../../core/scheme/bytes.ts";
import { acceptModulus } from "../../../../core/scheme/rsa/modulus.ts";
import { FIXTURE_MASTER } from "../fixture-master.ts";

export const P = os2ip(FIXTURE_MASTER.tag.p);
export const Q = os2ip(FIXTURE_MASTER.tag.q);
export const N = P * Q;
export const K = 256;
export const MODULUS = acceptModulus(i2osp(N, K));

/** The number that is `atP` modulo p and `atQ` modulo q, as k bytes. */
export function crt(atP: bigint, atQ: bigint): Buffer {
  const value = atP * Q * modInverse(Q, P) + atQ * P * modInverse(P, Q);
  return i2osp(((value % N) + N) % N, K);
}

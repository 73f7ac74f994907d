/**
 * Record files of suite `rsa` (PROTOCOL.md §2.2): r, W, V, and a consumer's d_j1, d_j2; the modulus in the file, or
 * in the file it names.
 */
import { mod } from "../arithmetic.ts";
import { i2osp, os2ip } from "../bytes.ts";
import { clientRole } from "../client.ts";
import { releaseRole } from "../proxy.ts";
import { RECORD_EXPONENT } from "../rsa/client.ts";
import { acceptModulus, type Modulus } from "../rsa/modulus.ts";
import { lambdaOf } from "../rsa/owner.ts";
import type { RoleInput } from "../suite.ts";
import { type Comparisons, compareAccepted, compareInteger } from "./comparison.ts";
import type { Fields } from "./fields.ts";
import { PUBLISHED_MODULUS } from "./published-modulus.ts";
import { publicExponent } from "./record-inputs.ts";
import type { RecordWrapping } from "./record-wrapping.ts";
import { factorsOf, modulusOf } from "./rsa.ts";

const ALLOW = { allowPublicFactors: true };
const EXPONENT = os2ip(RECORD_EXPONENT);

/** The wrapping under the file's modulus, its companion's, or the published one. */
export function rsaWrapping(one: Fields, companion: Fields | undefined): RecordWrapping {
  const n = recordModulus(one, companion);
  const modulus = (): Modulus => acceptModulus(n, ALLOW);
  return {
    suite: "rsa",
    *comparisons() {
      const factors = factorsOf(one);
      if (factors) yield* compareInteger(one, "N", () => factors.p * factors.q);
      yield* compareAccepted(one.where("N"), modulus);
      yield* compareExponent(one);
      const known = factors ?? (companion && !saysModulus(one) && factorsOf(companion));
      if (known) yield* comparePair(one, known);
      yield* compareWrapping(one, modulus());
    },
    ikm: () => ikmOf(one, modulus()),
  };
}

function saysModulus(one: Fields): boolean {
  return one.has("N") || one.has("p", "q");
}

function recordModulus(one: Fields, companion: Fields | undefined): Buffer {
  if (saysModulus(one)) return modulusOf(one);
  return companion ? modulusOf(companion) : Buffer.from(PUBLISHED_MODULUS, "hex");
}

/** The public exponent, where the file says it: in decimal digits, or in hexadecimal. */
function* compareExponent(one: Fields): Comparisons {
  const said = publicExponent(one);
  if (said === undefined) return;
  const expected = said.replace(/^0+/, "").toLowerCase();
  const [decimal, hex] = [EXPONENT.toString(), EXPONENT.toString(16)];
  yield { where: one.where("e"), expected, got: expected === hex ? hex : decimal };
}

/** d_j1·d_j2 ≡ d mod λ, as the inverse of the public exponent. */
function* comparePair(one: Fields, { p, q }: { p: bigint; q: bigint }): Comparisons {
  if (!one.has("d_j1", "d_j2")) return;
  const lambda = lambdaOf(p, q);
  const [half1, half2] = [numberOf(one, "d_j1"), numberOf(one, "d_j2")];
  yield {
    where: `${one.where("d_j1")}·d_j2·${EXPONENT} mod λ`,
    expected: "1",
    got: mod(half1 * half2 * EXPONENT, lambda).toString(16),
  };
}

/** W = fold(r^65537), V = fold(W^d_j2), r = fold(V^d_j1), each where the file gives what it is made of. */
function* compareWrapping(one: Fields, modulus: Modulus): Comparisons {
  const ikm = ikmOf(one, modulus);
  yield* compareInteger(one, "W", () => modulus.foldedPower(ikm, RECORD_EXPONENT));
  // Of r and N − r, which have the same W, only one is an element.
  yield { where: one.where("r"), expected: "true", got: String(modulus.isElement(ikm)) };
  if (one.has("d_j2", "W")) yield* compareInteger(one, "V", () => release(one, modulus));
  const canUnwrap = one.has("d_j1") && (one.has("V") || one.has("d_j2", "W"));
  if (canUnwrap) yield* compareInteger(one, "r", () => unwrap(one, modulus));
  else if (one.has("d_j1")) one.leave("d_j1", "without V, or W and d_j2");
  if (one.has("d_j2") && !one.has("V") && !one.has("d_j1")) one.leave("d_j2", "without V or d_j1");
}

/** I2OSP(r, k): the file's, or what its W opens to. */
function ikmOf(one: Fields, modulus: Modulus): Buffer {
  const r = one.hexInteger("r");
  return r === undefined ? unwrap(one, modulus) : i2osp(r, modulus.bytes);
}

function release(one: Fields, modulus: Modulus): Buffer {
  const wrapped = i2osp(numberOf(one, "W"), modulus.bytes);
  return releaseRole(roleInput(one, "d_j2", modulus)).release(wrapped);
}

function unwrap(one: Fields, modulus: Modulus): Buffer {
  const released = one.has("V") ? i2osp(numberOf(one, "V"), modulus.bytes) : release(one, modulus);
  return clientRole(roleInput(one, "d_j1", modulus)).unwrap(released);
}

function roleInput(one: Fields, name: "d_j1" | "d_j2", { encoded, bytes }: Modulus): RoleInput {
  const half = i2osp(numberOf(one, name), bytes);
  return {
    ...ALLOW,
    // Records need neither tenant nor epoch here, nor a tag half.
    realm: { tenant: "", epoch: 0 },
    parameters: { suite: "rsa", nTag: encoded, nRec: encoded },
    halves: { tag: half, record: half },
  };
}

function numberOf(one: Fields, name: string): bigint {
  return one.require(one.hexInteger(name), name);
}

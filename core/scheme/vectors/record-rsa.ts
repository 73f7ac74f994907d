/**
 * Record files of suite `rsa` (PROTOCOL.md §2.2): r, W, V, and a consumer's d_j1, d_j2; the modulus in the file, or
 * in the file it names.
 */
import { i2osp } from "../bytes.ts";
import { clientRole } from "../client.ts";
import { releaseRole } from "../proxy.ts";
import { RECORD_EXPONENT } from "../rsa/client.ts";
import { acceptModulus, type Modulus } from "../rsa/modulus.ts";
import type { RoleInput } from "../suite.ts";
import { type Comparisons, compareAccepted, compareInteger } from "./comparison.ts";
import type { Fields } from "./fields.ts";
import { PUBLISHED_MODULUS } from "./published-modulus.ts";
import type { RecordWrapping } from "./record-wrapping.ts";
import { modulusOf } from "./rsa.ts";

const ALLOW = { allowPublicFactors: true };

/** The wrapping under the file's modulus, its companion's, or the published one. */
export function rsaWrapping(one: Fields, companion: Fields | undefined): RecordWrapping {
  const n = recordModulus(one, companion);
  const modulus = (): Modulus => acceptModulus(n, ALLOW);
  return {
    suite: "rsa",
    *comparisons() {
      yield* compareAccepted(one.where("N"), modulus);
      yield* compareWrapping(one, modulus());
    },
    ikm: () => ikmOf(one, modulus()),
  };
}

function recordModulus(one: Fields, companion: Fields | undefined): Buffer {
  if (one.names().includes("N")) return modulusOf(one);
  return companion ? modulusOf(companion) : Buffer.from(PUBLISHED_MODULUS, "hex");
}

/** W = fold(r^65537), V = fold(W^d_j2), r = fold(V^d_j1). */
function* compareWrapping(one: Fields, modulus: Modulus): Comparisons {
  const r = one.hexInteger("r");
  if (r !== undefined)
    yield* compareInteger(one, "W", () =>
      modulus.foldedPower(i2osp(r, modulus.bytes), RECORD_EXPONENT),
    );
  if (one.hexInteger("d_j2") === undefined) return;
  yield* compareInteger(one, "V", () => release(one, modulus));
  if (one.hexInteger("d_j1") === undefined) return;
  yield* compareInteger(one, "r", () => unwrap(one, modulus));
}

/** I2OSP(r, k): the file's, or what its W opens to. */
function ikmOf(one: Fields, modulus: Modulus): Buffer {
  const r = one.hexInteger("r");
  return r === undefined ? unwrap(one, modulus) : i2osp(r, modulus.bytes);
}

function release(one: Fields, modulus: Modulus): Buffer {
  const wrapped = i2osp(one.require(one.hexInteger("W"), "W"), modulus.bytes);
  return releaseRole(roleInput(one, "d_j2", modulus)).release(wrapped);
}

function unwrap(one: Fields, modulus: Modulus): Buffer {
  const said = one.hexInteger("V");
  const released = said === undefined ? release(one, modulus) : i2osp(said, modulus.bytes);
  return clientRole(roleInput(one, "d_j1", modulus)).unwrap(released);
}

function roleInput(one: Fields, name: "d_j1" | "d_j2", { encoded, bytes }: Modulus): RoleInput {
  const half = i2osp(one.require(one.hexInteger(name), name), bytes);
  return {
    ...ALLOW,
    // Records need neither tenant nor epoch here, nor a tag half.
    realm: { tenant: "", epoch: 0 },
    parameters: { suite: "rsa", nTag: encoded, nRec: encoded },
    halves: { tag: half, record: half },
  };
}

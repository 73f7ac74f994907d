/**
 * Vector files of one record, `kind: "record"` (PROTOCOL.md §3): d_j1, d_j2, r, W, V, salt, K, iv,
 * commit, kid, hdr, aad, record; the modulus in the file, or in the file it names.
 */
import { i2osp, join } from "../bytes.ts";
import { clientRole } from "../client.ts";
import { releaseRole } from "../proxy.ts";
import { encrypt, recordAad } from "../record/aead.ts";
import {
  decodeHeader,
  encodeHeader,
  type RecordHeader,
  SIGNATURE_BYTES,
  splitRecord,
} from "../record/header.ts";
import { deriveRecordKey, type RecordKey, recordSalt } from "../record/key.ts";
import { openParts } from "../record/open.ts";
import { pad } from "../record/padding.ts";
import { RECORD_EXPONENT } from "../rsa/client.ts";
import { acceptModulus, type Modulus } from "../rsa/modulus.ts";
import type { RoleInput } from "../suite.ts";
import {
  attempt,
  type Comparisons,
  compareAccepted,
  compareBytes,
  compareInteger,
} from "./comparison.ts";
import type { Fields } from "./fields.ts";
import { PUBLISHED_MODULUS } from "./published-modulus.ts";
import { type RecordInputs, recordInputs } from "./record-inputs.ts";
import { modulusOf } from "./rsa.ts";

const ALLOW = { allowPublicFactors: true };

/**
 * Recomputes all that a record file says. `companion` is the file that its modulus is in, where it is
 * not in this one; the published modulus otherwise. Throws BAD_ARGUMENT for a malformed or missing field.
 */
export function* compareRecord(file: Fields, companion: Fields | undefined): Comparisons {
  for (const one of file.cases()) yield* compareOne(one.within(file), companion);
}

function* compareOne(one: Fields, companion: Fields | undefined): Comparisons {
  const n = recordModulus(one, companion);
  yield* compareAccepted(one.where("N"), () => acceptModulus(n, ALLOW));
  const modulus = acceptModulus(n, ALLOW);
  yield* compareWrapping(one, modulus);
  const bytes = one.require(one.hexBytes("record") ?? one.hexBytes("hdr"), "record");
  yield* compareAccepted(one.where("record"), () => decodeHeader(bytes));
  const inputs = recordInputs(one);
  const { realm, topic, producerId, header } = inputs;
  const { suite, aead } = header;
  const ikm = ikmOf(one, modulus);
  yield* compareBytes(one, "salt", () => recordSalt({ suite, realm, topic, producerId }));
  const key = deriveRecordKey({ suite, aead, realm, topic, producerId, ikm });
  yield* compareBytes(one, "K", () => key.key);
  for (const name of ["iv", "commit", "kid"] as const)
    yield* compareBytes(one, name, () => key[name]);
  yield* compareSealing(one, inputs, key);
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

function* compareSealing(one: Fields, inputs: RecordInputs, key: RecordKey): Comparisons {
  const header: RecordHeader = { ...inputs.header, kid: key.kid };
  const headerBytes = encodeHeader(header);
  const aad = recordAad(key, headerBytes);
  yield* compareBytes(one, "hdr", () => headerBytes);
  yield* compareBytes(one, "aad", () => aad);
  const record = one.hexBytes("record");
  if (record === undefined) return;
  // A vector does not say the signing key: what a signed record has at its end is taken as it is.
  const signature = header.signed ? record.subarray(-SIGNATURE_BYTES) : Buffer.alloc(0);
  const open = (): Buffer => openParts(splitRecord(record), key);
  yield* compareBytes(one, "record", () => {
    const plaintext = inputs.plaintext ?? open();
    const sealed = encrypt({
      key,
      seq: header.seq,
      aad,
      plaintext: header.padded ? pad(plaintext) : plaintext,
    });
    return join(headerBytes, sealed.ciphertext, sealed.authTag, signature);
  });
  // Equal bytes open to equal plaintexts unless opening itself is wrong.
  const expected = (inputs.plaintext ?? open()).toString("hex");
  const got = attempt(() => open().toString("hex"));
  yield { where: one.where("plaintext"), expected, got };
}

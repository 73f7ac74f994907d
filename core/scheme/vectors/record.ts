/**
 * Vector files of one record, `kind: "record"` (PROTOCOL.md §3): how its key was wrapped, by `suite` (`rsa` unless
 * said; see record-rsa.ts and record-roles.ts), then salt, K, iv, commit, kid, hdr, aad, record.
 */
import { VeilError } from "../../errors.ts";
import { join } from "../bytes.ts";
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
import { SUITE } from "../suite.ts";
import { attempt, type Comparisons, compareAccepted, compareBytes } from "./comparison.ts";
import type { Fields } from "./fields.ts";
import { type RecordInputs, recordInputs } from "./record-inputs.ts";
import { rolesWrapping } from "./record-roles.ts";
import { rsaWrapping } from "./record-rsa.ts";
import type { RecordWrapping } from "./record-wrapping.ts";

/**
 * Recomputes all that a record file says. `companion` is the file of suite `rsa` that its modulus is in, where it is
 * not in this one; the published modulus otherwise. Throws BAD_ARGUMENT for a malformed or missing field.
 */
export function* compareRecord(file: Fields, companion: Fields | undefined): Comparisons {
  for (const one of file.cases()) yield* compareOne(one.within(file), companion);
}

function* compareOne(one: Fields, companion: Fields | undefined): Comparisons {
  const bytes = one.require(one.hexBytes("record") ?? one.hexBytes("hdr"), "record");
  yield* compareAccepted(one.where("record"), () => decodeHeader(bytes));
  const inputs = recordInputs(one);
  const wrapping = wrappingOf(one, { inputs, companion });
  yield* wrapping.comparisons();
  const { realm, topic, producerId, header } = inputs;
  const { aead } = header;
  const suite = SUITE[wrapping.suite];
  yield* compareBytes(one, "salt", () => recordSalt({ suite, realm, topic, producerId }));
  const ikm = wrapping.ikm();
  const key = deriveRecordKey({ suite, aead, realm, topic, producerId, ikm });
  yield* compareBytes(one, "K", () => key.key);
  for (const name of ["iv", "commit", "kid"] as const)
    yield* compareBytes(one, name, () => key[name]);
  yield* compareSealing(one, inputs, key);
}

function wrappingOf(
  one: Fields,
  { inputs, companion }: { inputs: RecordInputs; companion: Fields | undefined },
): RecordWrapping {
  const suite = one.text("suite") ?? "rsa";
  switch (suite) {
    case "rsa":
      return rsaWrapping(one, companion);
    case "p256":
    case "hmac":
    case "pki":
      return rolesWrapping(one, { suite, realm: inputs.realm });
    default:
      throw new VeilError("BAD_ARGUMENT", `${one.where("suite")} in the vector file is unknown`);
  }
}

function* compareSealing(one: Fields, inputs: RecordInputs, key: RecordKey): Comparisons {
  const header: RecordHeader = { ...inputs.header, suite: key.suite, kid: key.kid };
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

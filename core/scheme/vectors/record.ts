/**
 * Vector files of one record, `kind: "record"` (PROTOCOL.md §3): how its key was wrapped, by `suite` (`rsa` unless
 * said; see record-rsa.ts and record-roles.ts), then salt, K, iv, commit, kid, nonce, hdr, aad, ciphertext, auth_tag, record;
 * of a signed one the signature, by the producer's sk or pk.
 */
import { createPublicKey, sign, verify } from "node:crypto";
import { VeilError } from "../../errors.ts";
import { join } from "../bytes.ts";
import { exportPublicKey, importPublicKey, importSigningKey } from "../ed25519.ts";
import { encrypt, recordAad, recordNonce, signedBytes } from "../record/aead.ts";
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
  yield* compareBytes(one, "nonce", () => recordNonce(key, headerBytes));
  yield* compareBytes(one, "hdr", () => headerBytes);
  yield* compareBytes(one, "aad", () => aad);
  const record = one.hexBytes("record");
  if (record === undefined) return;
  const open = (): string => openParts(splitRecord(record), key).toString("hex");
  const opened = attempt(open);
  const said = inputs.plaintexts?.map((plaintext) => plaintext.toString("hex"));
  // Where the file does not say it, there is only to see whether it opens.
  if (!said) yield* compareAccepted(one.where("record"), open);
  const expected = said?.find((text) => text === opened) ?? said?.[0] ?? opened;
  const plaintext = Buffer.from(expected, "hex");
  const body = header.padded ? pad(plaintext) : plaintext;
  const sealed = encrypt({ key, aad, plaintext: body });
  yield* compareBytes(one, "ciphertext", () => sealed.ciphertext);
  yield* compareBytes(one, "auth_tag", () => sealed.authTag);
  const signature = header.signed ? record.subarray(-SIGNATURE_BYTES) : Buffer.alloc(0);
  yield* compareBytes(one, "record", () =>
    join(headerBytes, sealed.ciphertext, sealed.authTag, signature),
  );
  yield { where: one.where("plaintext"), expected, got: opened };
  if (header.signed) yield* compareSignature(one, { signature, bytes: signedBytes(aad, sealed) });
}

/** By the producer's Ed25519 seed `sk`, or its public key `pk` alone. */
function* compareSignature(
  one: Fields,
  { signature, bytes }: { signature: Buffer; bytes: Buffer },
): Comparisons {
  const where = one.where("record");
  yield* compareBytes(one, "signature", () => signature);
  const seed = one.hexBytes("sk");
  if (seed) {
    const key = importSigningKey(seed);
    yield* compareBytes(one, "pk", () => exportPublicKey(createPublicKey(key)));
    const made = sign(null, bytes, key).toString("hex");
    yield { where, expected: signature.toString("hex"), got: made };
  }
  const publicKey = one.hexBytes("pk");
  if (publicKey) {
    const got = attempt(() => String(verify(null, bytes, importPublicKey(publicKey), signature)));
    yield { where, expected: "true", got };
  } else if (!seed) one.leave("record", "its signature, without the producer's public key, pk");
}

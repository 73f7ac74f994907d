/**
 * Answers that the RFCs print for what this scheme is built from, `kind: "rfc"`; each case names its `algorithm`:
 *
 *   `expand_message_xmd`            RFC 9380 K.1: DST, msg, len_in_bytes, uniform_bytes
 *   `P256_XMD:SHA-256_SSWU_RO_`     RFC 9380 J.1.1: DST, msg, P.x, P.y
 *   `HKDF-SHA-256`                  RFC 5869 A: IKM, salt, info, L, PRK, OKM
 *   `Ed25519`                       RFC 8032 §7.1: secret_key, public_key, message, signature
 *   `AES-256-KW`                    RFC 3394 §4: kek, key, wrapped
 *
 * DST and msg are text, all else but the lengths is hexadecimal.
 */
import { createPublicKey, sign, verify } from "node:crypto";
import { expand_message_xmd } from "@noble/curves/abstract/hash-to-curve.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { VeilError } from "../../errors.ts";
import { hkdf, hmacSha256 } from "../bytes.ts";
import { exportPublicKey, importPublicKey, importSigningKey } from "../ed25519.ts";
import { hashToCurve } from "../p256/hash-to-curve.ts";
import { unwrapKey, wrapKey } from "../symmetric/wrapping.ts";
import { type Comparisons, compareBytes } from "./comparison.ts";
import type { Fields } from "./fields.ts";

const COORDINATE_BYTES = 32;

/** Recomputes all answers of a file. Throws BAD_ARGUMENT for an unknown algorithm and a malformed or missing field. */
export function* compareRfc(file: Fields): Comparisons {
  for (const one of file.cases()) yield* compareCase(one);
}

function compareCase(one: Fields): Comparisons {
  const algorithm = one.text("algorithm");
  switch (algorithm) {
    case "expand_message_xmd":
      return compareExpand(one);
    case "P256_XMD:SHA-256_SSWU_RO_":
      return compareCurve(one);
    case "HKDF-SHA-256":
      return compareHkdf(one);
    case "Ed25519":
      return compareEd25519(one);
    case "AES-256-KW":
      return compareKeyWrap(one);
    default:
      throw new VeilError(
        "BAD_ARGUMENT",
        `${one.where("algorithm")} in the vector file is unknown`,
      );
  }
}

function* compareExpand(one: Fields): Comparisons {
  const [message, dst] = [Buffer.from(text(one, "msg")), text(one, "DST")];
  const length = Number(one.require(one.integer("len_in_bytes"), "len_in_bytes"));
  yield* compareBytes(one, "uniform_bytes", () => expand_message_xmd(message, dst, length, sha256));
}

function* compareCurve(one: Fields): Comparisons {
  const point = hashToCurve(Buffer.from(text(one, "msg")), text(one, "DST"));
  yield* compareBytes(one, "P.x", () => point.subarray(1, 1 + COORDINATE_BYTES));
  yield* compareBytes(one, "P.y", () => point.subarray(1 + COORDINATE_BYTES));
}

function* compareHkdf(one: Fields): Comparisons {
  const [ikm, salt, info] = [bytes(one, "IKM"), bytes(one, "salt"), bytes(one, "info")];
  const length = Number(one.require(one.integer("L"), "L"));
  yield* compareBytes(one, "PRK", () => hmacSha256(salt, ikm));
  yield* compareBytes(one, "OKM", () => hkdf(ikm, { salt, info, length }));
}

function* compareEd25519(one: Fields): Comparisons {
  const secret = importSigningKey(bytes(one, "secret_key"));
  const [message, signature] = [bytes(one, "message"), bytes(one, "signature")];
  yield* compareBytes(one, "public_key", () => exportPublicKey(createPublicKey(secret)));
  yield* compareBytes(one, "signature", () => sign(null, message, secret));
  const publicKey = importPublicKey(bytes(one, "public_key"));
  const got = String(verify(null, message, publicKey, signature));
  yield { where: one.where("signature"), expected: "true", got };
}

function* compareKeyWrap(one: Fields): Comparisons {
  const [kek, key, wrapped] = [bytes(one, "kek"), bytes(one, "key"), bytes(one, "wrapped")];
  yield* compareBytes(one, "wrapped", () => wrapKey(kek, key));
  yield* compareBytes(one, "key", () => unwrapKey(kek, wrapped));
}

function text(one: Fields, name: string): string {
  return one.require(one.text(name), name);
}

function bytes(one: Fields, name: string): Buffer {
  return one.require(one.hexBytes(name), name);
}

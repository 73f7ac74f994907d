/**
 * PROTOCOL.md §4, signed documents: `sig(64) ‖ body(JSON)`, Ed25519 by the tenant's KMS key over
 * `"VEILMQ-V01-<kind>\0" ‖ lp(path) ‖ body`, verified before the body is parsed; and their sealed parts,
 * `nonce(12) ‖ AES-256-GCM` under `HKDF(K_b, "VEILMQ-V01-doc\0", 32)` with the path as AAD.
 */
import { createCipheriv, createDecipheriv, type KeyObject, sign, verify } from "node:crypto";
import type { z } from "zod";
import { VeilError } from "../errors.ts";
import { hkdf, join, lp } from "../scheme/bytes.ts";
import type { RandomBytes } from "../scheme/suite.ts";
import { parseJson } from "./fields.ts";

export type DocumentKind = "head" | "enrol" | "mail" | "cert";

const SIGNATURE_BYTES = 64;
const NONCE_BYTES = 12;
const AUTH_TAG_BYTES = 16;

function signedBytes(kind: DocumentKind, path: string, body: Uint8Array): Buffer {
  return join(`VEILMQ-V01-${kind}\0`, lp(path), body);
}

/** Signs `body` (for `mail` an age file, else JSON) for `path` with the KMS key. */
export function signDocument(
  kind: DocumentKind,
  path: string,
  body: Uint8Array | object,
  kmsKey: KeyObject,
): Buffer {
  const bytes = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body), "utf8");
  return join(sign(null, signedBytes(kind, path, bytes), kmsKey), bytes);
}

/** The body of a document found at `path`. Throws BAD_DOCUMENT unless the KMS signed it for that place. */
export function verifyDocument(
  kind: DocumentKind,
  path: string,
  document: Uint8Array,
  kmsPublicKey: KeyObject,
): Buffer {
  const signature = document.subarray(0, SIGNATURE_BYTES);
  const body = Buffer.from(document.subarray(SIGNATURE_BYTES));
  if (
    signature.length !== SIGNATURE_BYTES ||
    !verify(null, signedBytes(kind, path, body), kmsPublicKey, signature)
  )
    throw new VeilError("BAD_DOCUMENT", `the ${kind} document is not signed by this tenant's KMS`);
  return body;
}

/** Verifies, then parses against `schema`. Throws BAD_DOCUMENT. */
export function openDocument<S extends z.ZodType>(
  kind: DocumentKind,
  path: string,
  document: Uint8Array,
  options: { kmsPublicKey: KeyObject; schema: S },
): z.infer<S> {
  const body = verifyDocument(kind, path, document, options.kmsPublicKey);
  return parseJson(body, options.schema, "BAD_DOCUMENT");
}

/** Seals `plain` for the bridge: `nonce(12) ‖ ciphertext ‖ auth tag(16)`. */
export function sealForBridge(
  bridgeKey: Uint8Array,
  path: string,
  plain: Uint8Array,
  random: RandomBytes,
): Buffer {
  return sealWith(documentKey(bridgeKey), plain, Buffer.from(path, "utf8"), random);
}

/** Throws BAD_DOCUMENT if it was sealed under another K_b or for another path. */
export function openSealed(bridgeKey: Uint8Array, path: string, sealed: Uint8Array): Buffer {
  return openWith(documentKey(bridgeKey), sealed, Buffer.from(path, "utf8"));
}

function documentKey(bridgeKey: Uint8Array): Buffer {
  return hkdf(bridgeKey, { info: "VEILMQ-V01-doc\0", length: 32 });
}

/** `nonce(12) ‖ AES-256-GCM(key, plain, aad)`, the form that every sealed value of §4 has. */
export function sealWith(
  key: Uint8Array,
  plain: Uint8Array,
  aad: Uint8Array,
  random: RandomBytes,
): Buffer {
  const nonce = random(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(aad);
  return join(nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag());
}

/** Throws BAD_DOCUMENT if anything was changed. */
export function openWith(key: Uint8Array, sealed: Uint8Array, aad: Uint8Array): Buffer {
  if (sealed.length < NONCE_BYTES + AUTH_TAG_BYTES)
    throw new VeilError("BAD_DOCUMENT", "the sealed part is too short");
  const cut = sealed.length - AUTH_TAG_BYTES;
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, NONCE_BYTES));
  decipher.setAAD(aad).setAuthTag(sealed.subarray(cut));
  try {
    return join(decipher.update(sealed.subarray(NONCE_BYTES, cut)), decipher.final());
  } catch {
    throw new VeilError("BAD_DOCUMENT", "the sealed part does not open");
  }
}

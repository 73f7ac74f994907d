/**
 * Attack: mail that the KMS never wrote, or not for this client, or long ago. Mail brings new halves, moduli and epochs:
 * whoever forges it owns the client; whoever shows an old one again takes it back to keys that were given up.
 * Holds: the operator, the network, another tenant's KMS, or a true document of another kind, path or serial.
 * Does: offers it as mail: its own text; another client's mail; a certificate; a true mail at another number, or twice.
 * Gets: with a signature over the body alone, a client that swaps in keys which were meant for somebody else.
 * VeilMQ: the kind and the path stand under the signature; the client pins its KMS's key.
 * PROTOCOL.md §4 (A signed document, Mail).
 */
import { sign, verify } from "node:crypto";
import { expect, test } from "vitest";
import { certPath, mailPath } from "../../core/wire/directory.ts";
import { type DocumentKind, signDocument, verifyDocument } from "../../core/wire/document.ts";
import { generateSigningKey, importPublicKey, importSigningKey } from "../../core/wire/keys.ts";

const kms = generateSigningKey();
const KMS_KEY = importSigningKey(kms.seed);
const PINNED = importPublicKey(kms.publicKey);
const MALLORY = importSigningKey(generateSigningKey().seed);
const PATH = mailPath("acme", "pump", 7);
const BODY = Buffer.from("an age file");
const KINDS: readonly DocumentKind[] = ["head", "enrol", "cert", "mail"];

function take(document: Uint8Array, path = PATH): Buffer {
  return verifyDocument("mail", path, document, PINNED);
}

const bad = expect.objectContaining({ code: "BAD_DOCUMENT" });

test("a signature over the body alone holds for everybody and everything", () => {
  const naive = sign(null, BODY, KMS_KEY);
  const offeredTo = (_path: string): boolean => verify(null, BODY, PINNED, naive);
  expect(offeredTo(PATH) && offeredTo(mailPath("acme", "fan", 7))).toBe(true);
});

test("ours: true mail is taken, at its own path only", () => {
  const mail = signDocument("mail", PATH, BODY, KMS_KEY);
  expect(take(mail)).toEqual(BODY);
  for (const path of [
    mailPath("acme", "fan", 7),
    mailPath("evil", "pump", 7),
    mailPath("acme", "pump", 8),
    mailPath("acme", "pump", 70),
    certPath("acme", "pump"),
    "",
  ])
    expect(() => take(mail, path)).toThrow(bad);
});

test.each(KINDS.filter((kind) => kind !== "mail"))("ours: a true %s is no mail", (kind) => {
  expect(() => take(signDocument(kind, PATH, BODY, KMS_KEY))).toThrow(bad);
});

test("ours: nobody else signs mail, and no byte of it changes", () => {
  expect(() => take(signDocument("mail", PATH, BODY, MALLORY))).toThrow(bad);
  const mail = signDocument("mail", PATH, BODY, KMS_KEY);
  for (let at = 0; at < mail.length; at++) {
    const changed = Buffer.from(mail);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    expect(() => take(changed)).toThrow(bad);
  }
  for (const cut of [0, 63, 64, mail.length - 1])
    expect(() => take(mail.subarray(0, cut))).toThrow(bad);
});

test("ours: the end of a path cannot become the beginning of a body", () => {
  const shifted = signDocument("mail", PATH.slice(0, -1), Buffer.from(`7${BODY}`), KMS_KEY);
  expect(() => take(Buffer.concat([shifted.subarray(0, 64), BODY]))).toThrow(bad);
});

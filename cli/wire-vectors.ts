/**
 * Vector files of what goes over the wire, held against core/wire (PROTOCOL.md §3, §4); `kind` says which:
 *
 *   `announcement`  suite, epoch, producer, createdAt, W, commit; the producer's Ed25519 seed sk and public key pk;
 *                   kid, announcement
 *   `document`      domain ("enrol", …), path, body; the KMS's sk and pk; K_b, nonce, plain and sealed: the part of the
 *                   body that is for the bridge; document
 *   `mail`          tenant, client, number; the KMS's sk and pk; the client's age identity and recipient; plain, age (the
 *                   age file), document
 *
 * body, plain and names are text, numbers are decimal, all else is hexadecimal. Cases may stand under `cases`.
 */
import { createPublicKey, type KeyObject } from "node:crypto";
import { Decrypter, identityToRecipient } from "age-encryption";
import { VeilError } from "../core/errors.ts";
import { exportPublicKey, importPublicKey, importSigningKey } from "../core/scheme/ed25519.ts";
import { SUITE } from "../core/scheme/suite.ts";
import { reportOf, type VectorReport } from "../core/scheme/vectors/check.ts";
import {
  attempt,
  type Comparison,
  type Comparisons,
  compareBytes,
  compareText,
} from "../core/scheme/vectors/comparison.ts";
import { Fields } from "../core/scheme/vectors/fields.ts";
import { encodeAnnouncement, kidOf, verifyAnnouncement } from "../core/wire/announcement.ts";
import { mailPath } from "../core/wire/directory.ts";
import {
  type DocumentKind,
  openSealed,
  sealForBridge,
  signDocument,
  verifyDocument,
} from "../core/wire/document.ts";

const NAMES = {
  known: [
    ...["kind", "cases", "suite", "epoch", "producer", "createdAt", "W", "commit", "kid"],
    ...["sk", "pk", "announcement", "domain", "path", "body", "K_b", "nonce", "plain", "sealed"],
    ...["document", "tenant", "client", "number", "identity", "recipient", "age"],
  ],
  synonyms: { producerid: "producer", createdatms: "createdAt", publickey: "pk", secretkey: "sk" },
};

/** `null` for a file of another kind. Throws BAD_ARGUMENT for a malformed or missing field. */
export async function checkWireVectors(json: unknown): Promise<VectorReport | null> {
  const kind = Fields.of(json).text("kind");
  const file = Fields.of(json, NAMES);
  file.text("kind");
  switch (kind) {
    case "announcement":
      return reportOf({ suite: kind, file, comparisons: each(file, compareAnnouncement) });
    case "document":
      return reportOf({ suite: kind, file, comparisons: each(file, compareDocument) });
    case "mail": {
      const mails = await Promise.all(file.cases().map((one) => openMailOf(one.within(file))));
      return reportOf({ suite: kind, file, comparisons: compareMails(mails) });
    }
    default:
      return null;
  }
}

function* each(file: Fields, compare: (one: Fields) => Comparisons): Comparisons {
  for (const one of file.cases()) yield* compare(one.within(file));
}

function* compareAnnouncement(one: Fields): Comparisons {
  const signingKey = yield* compareKeys(one);
  const suite = SUITE[suiteOf(text(one, "suite"))];
  const announcement = {
    suite,
    epoch: number(one, "epoch"),
    producerId: text(one, "producer"),
    createdAtMs: number(one, "createdAt"),
    wrapped: bytes(one, "W"),
    commit: bytes(one, "commit"),
  };
  yield* compareBytes(one, "kid", () => kidOf(announcement));
  const whole = bytes(one, "announcement");
  yield* compareBytes(one, "announcement", () => encodeAnnouncement(announcement, signingKey));
  const got = attempt(() => String(verifyAnnouncement(whole, importPublicKey(bytes(one, "pk")))));
  yield { where: one.where("announcement"), expected: "true", got };
}

function suiteOf(name: string): keyof typeof SUITE {
  for (const known of ["rsa", "p256", "hmac", "pki"] as const) if (known === name) return known;
  throw new VeilError("BAD_ARGUMENT", "the suite in the vector file is unknown");
}

function* compareDocument(one: Fields): Comparisons {
  const signingKey = yield* compareKeys(one);
  const [path, body, domain] = [text(one, "path"), text(one, "body"), domainOf(one)];
  if (one.has("sealed")) {
    const [key, nonce, plain] = [bytes(one, "K_b"), bytes(one, "nonce"), text(one, "plain")];
    const sealed = bytes(one, "sealed");
    yield* compareBytes(one, "sealed", () =>
      sealForBridge(key, path, Buffer.from(plain), () => nonce),
    );
    yield* compareText(one, "plain", () => openSealed(key, path, sealed).toString("utf8"));
    const inBody = String(Reflect.get(Object(parse(body)), "sealed"));
    yield {
      where: one.where("body"),
      expected: inBody,
      got: sealed.toString("base64url"),
    };
  }
  const document = bytes(one, "document");
  yield* compareBytes(one, "document", () =>
    signDocument(domain, path, Buffer.from(body), signingKey),
  );
  yield* compareText(one, "body", () =>
    verifyDocument(domain, path, document, importPublicKey(bytes(one, "pk"))).toString("utf8"),
  );
}

function domainOf(one: Fields): DocumentKind {
  const domain = text(one, "domain");
  for (const known of ["head", "enrol", "mail", "cert"] as const)
    if (known === domain) return known;
  throw new VeilError("BAD_ARGUMENT", "the domain in the vector file is unknown");
}

/** A mail, and what its age identity makes of it; why it does not open, where it does not. */
interface OpenedMail {
  readonly one: Fields;
  readonly recipient: string;
  readonly plain: string;
}

async function openMailOf(one: Fields): Promise<OpenedMail> {
  const identity = text(one, "identity");
  try {
    const age = new Decrypter();
    age.addIdentity(identity);
    const recipient = await identityToRecipient(identity);
    return { one, recipient, plain: await age.decrypt(bytes(one, "age"), "text") };
  } catch {
    const refused = "refused: the identity does not open it";
    return { one, recipient: refused, plain: refused };
  }
}

function* compareMails(mails: readonly OpenedMail[]): Comparisons {
  for (const mail of mails) yield* compareMail(mail);
}

function* compareMail({ one, recipient, plain }: OpenedMail): Comparisons {
  const signingKey = yield* compareKeys(one);
  yield* compareText(one, "recipient", () => recipient);
  const path = mailPath(text(one, "tenant"), text(one, "client"), number(one, "number"));
  yield* compareBytes(one, "document", () =>
    signDocument("mail", path, bytes(one, "age"), signingKey),
  );
  yield* compareBytes(one, "age", () =>
    verifyDocument("mail", path, bytes(one, "document"), importPublicKey(bytes(one, "pk"))),
  );
  yield* compareText(one, "plain", () => plain);
}

function* compareKeys(one: Fields): Generator<Comparison, KeyObject, undefined> {
  const signingKey = importSigningKey(bytes(one, "sk"));
  yield* compareBytes(one, "pk", () => exportPublicKey(createPublicKey(signingKey)));
  return signingKey;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new VeilError("BAD_ARGUMENT", "the body in the vector file is no JSON");
  }
}

function text(one: Fields, name: string): string {
  return one.require(one.text(name), name);
}

function number(one: Fields, name: string): number {
  return Number(one.require(one.integer(name), name));
}

function bytes(one: Fields, name: string): Buffer {
  return one.require(one.hexBytes(name), name);
}

/**
 * Opening the documents of PROTOCOL.md §4: verified before anything of them is read, bound to the path where they
 * were found, and their sealed parts opened. What comes out of here is what the KMS said, whoever brought it.
 */
import type { KeyObject } from "node:crypto";
import { VeilError } from "../../core/errors.ts";
import {
  certSchema,
  type DocumentPlace,
  type Enrolment,
  enrolmentSchema,
  grantsSchema,
  mailboxPath,
  sealedGrantsSchema,
  sealedHalvesSchema,
} from "../../core/wire/directory.ts";
import { openDocument, openSealed, verifyDocument } from "../../core/wire/document.ts";
import { parseJson } from "../../core/wire/fields.ts";
import type { ProxyHalves } from "../../core/wire/parameters.ts";
import { keep } from "../keep.ts";
import { type GrantRows, packGrants } from "./grant-table.ts";
import { digestOf, type Version } from "./version.ts";

export interface OpenedEnrolment extends Version {
  readonly kind: "client";
  readonly client: string;
  readonly enrolment: Omit<Enrolment, "sealed">;
  /** Empty where the client is revoked. */
  readonly halves: ReadonlyMap<number, ProxyHalves>;
}

export interface OpenedGrants extends Version {
  readonly kind: "grants";
  readonly client: string;
  readonly chunk: number;
  readonly rows: GrantRows;
}

export interface OpenedCert extends Version {
  readonly kind: "cert";
  readonly client: string;
  /** The document itself: consumers verify it again. */
  readonly document: Buffer;
}

export type OpenedDocument = OpenedEnrolment | OpenedGrants | OpenedCert;

/** Where a document was found, and the keys to open it with. */
export interface ClientDocument {
  readonly path: string;
  /** As `parseDocumentPath` reads `path`. */
  readonly place: ClientPlace;
  readonly document: Buffer;
  readonly kmsPublicKey: KeyObject;
  readonly bridgeKey: Buffer;
}
export type ClientPlace = Extract<DocumentPlace, { kind: "client" | "grants" | "cert" }>;

/** Opens a document of a client. Throws BAD_DOCUMENT. */
export function openClientDocument(found: ClientDocument): OpenedDocument {
  switch (found.place.kind) {
    case "client":
      return openEnrolment(found);
    case "grants":
      return openGrants(found, found.place.chunk);
    case "cert":
      return openCert(found);
  }
}

function openEnrolment({ path, place, document, ...keys }: ClientDocument): OpenedEnrolment {
  const options = { kmsPublicKey: keys.kmsPublicKey, schema: enrolmentSchema };
  const body = openDocument("enrol", path, document, options);
  const { client, serial, status, signs, chunks, sealed } = body;
  if (client !== place.client) throw misplaced();
  const halves = status === "revoked" ? NONE : openHalves(keys.bridgeKey, path, sealed);
  // Each by its name, and the client's of the place: an object made by rest or spread has a hidden class of its own, half
  // a kilobyte for each client, and what is parsed is a slice of a document.
  return {
    kind: "client",
    client: place.client,
    enrolment: {
      client: place.client,
      serial,
      status,
      authHash: keep(body.authHash),
      signingKey: keep(body.signingKey),
      signs,
      chunks,
    },
    path,
    serial,
    digest: digestOf(document),
    halves,
  };
}

const NONE: ReadonlyMap<number, ProxyHalves> = new Map();

function openHalves(
  bridgeKey: Buffer,
  path: string,
  sealed: Buffer | undefined,
): ReadonlyMap<number, ProxyHalves> {
  if (!sealed) throw new VeilError("BAD_DOCUMENT", "an active client's enrolment has no halves");
  const plain = openSealed(bridgeKey, path, sealed);
  const entries = parseJson(plain, sealedHalvesSchema, "BAD_DOCUMENT");
  return new Map(entries.map(({ epoch, halves }) => [epoch, kept(halves)]));
}

function kept({ tag, record }: ProxyHalves): ProxyHalves {
  if (tag && record) return { tag: keep(tag), record: keep(record) };
  if (tag) return { tag: keep(tag) };
  return record ? { record: keep(record) } : {};
}

function openGrants(found: ClientDocument, chunk: number): OpenedGrants {
  const { path, place, document, kmsPublicKey, bridgeKey } = found;
  const body = openDocument("enrol", path, document, { kmsPublicKey, schema: grantsSchema });
  if (body.client !== place.client) throw misplaced();
  const plain = openSealed(bridgeKey, path, body.sealed);
  const rows = packGrants(parseJson(plain, sealedGrantsSchema, "BAD_DOCUMENT"));
  const version = { path, serial: body.serial, digest: digestOf(document) };
  return { kind: "grants", client: place.client, chunk, rows, ...version };
}

function openCert({ path, place, document, kmsPublicKey }: ClientDocument): OpenedCert {
  const cert = openDocument("cert", path, document, { kmsPublicKey, schema: certSchema });
  if (cert.client !== place.client || cert.tenant !== place.tenant) throw misplaced();
  const version = { path, serial: cert.serial, digest: digestOf(document) };
  return { kind: "cert", client: place.client, document: keep(document), ...version };
}

/** A mail that the KMS signed for this client; what is inside is for the client alone. */
export interface OpenedMail extends Version {
  readonly kind: "mail";
  readonly client: string;
}
export type MailPlace = Extract<DocumentPlace, { kind: "mail" }>;

/**
 * Its version is of the mailbox, not of its own path: an older mail is below the floor of the newest, and the floors
 * of a tenant do not grow with every mail. Throws BAD_DOCUMENT.
 */
export function openMail({
  path,
  place: { tenant, client, number },
  document,
  kmsPublicKey,
}: Omit<ClientDocument, "place" | "bridgeKey"> & { readonly place: MailPlace }): OpenedMail {
  verifyDocument("mail", path, document, kmsPublicKey);
  const version = { path: mailboxPath(tenant, client), serial: number, digest: digestOf(document) };
  return { kind: "mail", client, ...version };
}

function misplaced(): VeilError {
  return new VeilError("BAD_DOCUMENT", "the document speaks of another client or tenant");
}

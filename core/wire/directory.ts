/** PROTOCOL.md §4: the documents below `/veilmq/<tenant>` and what their sealed parts hold. */
import { z } from "zod";
import { VeilError } from "../errors.ts";
import { TAG_BYTES } from "../scheme/tag.ts";
import type { DocumentKind } from "./document.ts";
import { bytesField, nameField, serialField, timeMsField } from "./fields.ts";
import { epochInForceSchema, MAX_EPOCHS, proxyHalvesSchema } from "./parameters.ts";

/** Grants in one chunk: 2,000 stay well below ZooKeeper's 1 MiB. */
export const MAX_GRANTS_PER_CHUNK = 2000;
export const DEFAULT_RETENTION_MS = 30 * 24 * 3600 * 1000;

export function tenantPath(tenant: string): string {
  return below(tenant);
}
export function headPath(tenant: string): string {
  return below(tenant, "head");
}
export function clientsPath(tenant: string): string {
  return below(tenant, "clients");
}
export function clientPath(tenant: string, client: string): string {
  return below(tenant, "clients", client);
}
export function certPath(tenant: string, client: string): string {
  return below(tenant, "clients", client, "cert");
}
export function grantsPath(tenant: string, client: string, chunk: number): string {
  return below(tenant, "clients", client, `g${chunk}`);
}
/** Where all mail of a client is. */
export function mailboxPath(tenant: string, client: string): string {
  return below(tenant, "mail", client);
}
/** A mail's number is its serial: it grows with every mail, and the path, which is signed, shows it. */
export function mailPath(tenant: string, client: string, number: number): string {
  return below(tenant, "mail", client, `${number}`);
}

/** Joined into one flat string: a template's is a tree of its parts, and a bridge keeps some paths of each client. */
function below(...names: readonly string[]): string {
  return ["", "veilmq", ...names].join("/");
}

/** Where a document lies, read from its path. */
export type DocumentPlace =
  | { readonly kind: "head"; readonly tenant: string }
  | { readonly kind: "client"; readonly tenant: string; readonly client: string }
  | { readonly kind: "cert"; readonly tenant: string; readonly client: string }
  | {
      readonly kind: "grants";
      readonly tenant: string;
      readonly client: string;
      readonly chunk: number;
    }
  | {
      readonly kind: "mail";
      readonly tenant: string;
      readonly client: string;
      readonly number: number;
    };

const PATH =
  /^\/veilmq\/([^/]+)\/(?:(head)|clients\/([^/]+)(?:\/(?:(cert)|g(0|[1-9][0-9]{0,5})))?|mail\/([^/]+)\/([1-9][0-9]{0,14}))$/;

/** Throws BAD_DOCUMENT where no document belongs. */
export function parseDocumentPath(path: string): DocumentPlace {
  const match = PATH.exec(path);
  const tenant = nameField.safeParse(match?.[1]);
  const client = nameField.safeParse(match?.[3] ?? match?.[6]);
  if (!match || !tenant.success) throw new VeilError("BAD_DOCUMENT", "no document has this path");
  if (match[2]) return { kind: "head", tenant: tenant.data };
  if (!client.success) throw new VeilError("BAD_DOCUMENT", "no document has this path");
  const owner = { tenant: tenant.data, client: client.data };
  if (match[4]) return { kind: "cert", ...owner };
  if (match[5]) return { kind: "grants", ...owner, chunk: Number(match[5]) };
  if (match[7]) return { kind: "mail", ...owner, number: Number(match[7]) };
  return { kind: "client", ...owner };
}

/** Under which domain a document at this place is signed. */
export function documentKindOf(place: DocumentPlace): DocumentKind {
  return place.kind === "client" || place.kind === "grants" ? "enrol" : place.kind;
}

/** `head`: what is in force for a tenant. `sealed` = an age file holding `lp(tenant) ‖ K_b`. */
export const headSchema = z.strictObject({
  tenant: nameField,
  serial: serialField,
  epochs: z.array(epochInForceSchema).min(1).max(MAX_EPOCHS),
  kafka: z.strictObject({
    partitions: z.int().min(1).max(1000),
    retentionMs: z.int().min(60_000),
  }),
  sealed: bytesField(),
});
export type Head = z.output<typeof headSchema>;

/** `clients/<clientId>`: the enrolment. `sealed` holds `sealedHalvesSchema`; absent once revoked. */
export const enrolmentSchema = z.strictObject({
  client: nameField,
  serial: serialField,
  status: z.enum(["active", "revoked"]),
  authHash: bytesField(32),
  signingKey: bytesField(32),
  /** Whether every record of this producer carries a signature. */
  signs: z.boolean(),
  /** How many grant chunks are in force: g0 … g<n−1>. */
  chunks: z.int().min(0).max(100_000),
  sealed: bytesField().optional(),
});
export type Enrolment = z.output<typeof enrolmentSchema>;

export const sealedHalvesSchema = z.array(proxyHalvesSchema).max(MAX_EPOCHS);

/** `clients/<clientId>/g<n>`: `sealed` holds `sealedGrantsSchema`. */
export const grantsSchema = z.strictObject({
  client: nameField,
  serial: serialField,
  sealed: bytesField(),
});

export const OPERATIONS = ["pub", "sub"] as const;
export type Operation = (typeof OPERATIONS)[number];

/** One grant; in force while `nbf ≤ now < exp`. */
const grantSchema = z.strictObject({
  tag: bytesField(TAG_BYTES),
  ops: z.array(z.enum(OPERATIONS)).min(1).max(2),
  nbf: timeMsField,
  exp: timeMsField,
});
export type Grant = z.output<typeof grantSchema>;
export const sealedGrantsSchema = z.array(grantSchema).max(MAX_GRANTS_PER_CHUNK);

/** `clients/<clientId>/cert`: what a consumer checks a producer's announcements and signatures with. */
export const certSchema = z.strictObject({
  tenant: nameField,
  client: nameField,
  serial: serialField,
  signingKey: bytesField(32),
  signs: z.boolean(),
});
export type Cert = z.output<typeof certSchema>;

/** A file of documents on their way from the KMS to a bridge: `bridge import FILE`, `POST /v1/import`. */
export const bundleSchema = z.strictObject({
  veilmq: z.literal("documents"),
  version: z.literal(1),
  documents: z
    .array(z.strictObject({ path: z.string().max(300), document: bytesField() }))
    .min(1)
    .max(50_000),
});
export type Bundle = z.output<typeof bundleSchema>;

export function encodeBundle(documents: readonly { path: string; document: Buffer }[]): string {
  const bundle: z.input<typeof bundleSchema> = {
    veilmq: "documents",
    version: 1,
    documents: documents.map(({ path, document }) => ({
      path,
      document: document.toString("base64url"),
    })),
  };
  return `${JSON.stringify(bundle)}\n`;
}

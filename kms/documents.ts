/** The signed documents of PROTOCOL.md §4, and the bundles that carry them to a bridge. */
import { randomBytes } from "node:crypto";
import type { z } from "zod";
import { replaceFile } from "../core/runtime/files.ts";
import { join, lp } from "../core/scheme/bytes.ts";
import { ownerTag, publicParameters } from "../core/scheme/owner.ts";
import {
  certPath,
  type certSchema,
  clientPath,
  encodeBundle,
  type enrolmentSchema,
  grantsPath,
  type grantsSchema,
  headPath,
  type headSchema,
  MAX_GRANTS_PER_CHUNK,
  type sealedGrantsSchema,
} from "../core/wire/directory.ts";
import { sealForBridge, signDocument } from "../core/wire/document.ts";
import { type Epoch, encodeEpoch, encodeHalves } from "../core/wire/parameters.ts";
import { sealToRecipients } from "./age.ts";
import type { BridgeSettings } from "./bridge-settings.ts";
import type { ClientRecord } from "./client-record.ts";
import type { Tenant } from "./tenant.ts";

/** A signed document and where it belongs. */
export interface PlacedDocument {
  readonly path: string;
  readonly document: Buffer;
}

/** The tenant's epochs in force, with what everybody may know of them. */
export function epochsOf({ master }: Tenant): Epoch[] {
  return master.epochs.map(({ epoch, master: key }) => ({
    epoch,
    parameters: publicParameters(key),
  }));
}

/** `head`: the epochs in force, and `lp(tenant) ‖ K_b` sealed to the bridge. */
export async function headDocument(
  tenant: Tenant,
  { serial, settings }: { serial: number; settings: BridgeSettings },
): Promise<PlacedDocument> {
  const key = join(lp(tenant.name), tenant.master.bridgeKey);
  const body: z.input<typeof headSchema> = {
    tenant: tenant.name,
    serial,
    epochs: epochsOf(tenant).map(encodeEpoch),
    kafka: settings.kafka,
    sealed: text(await sealToRecipients(key, settings.recipients)),
  };
  const path = headPath(tenant.name);
  return { path, document: signDocument("head", path, body, tenant.signingKey) };
}

/** All documents of an active client, the enrolment first: it says how many grant chunks count. */
export function clientDocuments(tenant: Tenant, record: ClientRecord): PlacedDocument[] {
  const chunks = grantChunks(tenant, record);
  return [
    enrolmentDocument(tenant, record),
    ...chunks.map((grants, chunk) => grantsDocument(tenant, record, { chunk, grants })),
    certDocument(tenant, record),
  ];
}

/** `clients/<id>`. Once revoked it carries no halves; the grants stay, for the bridge to know who has to rekey. */
export function enrolmentDocument(tenant: Tenant, record: ClientRecord): PlacedDocument {
  const { client, serial, status, signs } = record;
  const path = clientPath(tenant.name, client);
  const halves = Buffer.from(JSON.stringify(record.proxyHalves.map(encodeHalves)), "utf8");
  const body: z.input<typeof enrolmentSchema> = {
    client,
    serial,
    status,
    authHash: text(record.authHash),
    signingKey: text(record.signingKey),
    signs,
    chunks: Math.ceil(grantCount(tenant, record) / MAX_GRANTS_PER_CHUNK),
    ...(status === "active" ? { sealed: seal(tenant, path, halves) } : {}),
  };
  return { path, document: signDocument("enrol", path, body, tenant.signingKey) };
}

type GrantInput = z.input<typeof sealedGrantsSchema>[number];

function grantsDocument(
  tenant: Tenant,
  { client, serial }: ClientRecord,
  { chunk, grants }: { chunk: number; grants: readonly GrantInput[] },
): PlacedDocument {
  const path = grantsPath(tenant.name, client, chunk);
  const plain = Buffer.from(JSON.stringify(grants), "utf8");
  const body: z.input<typeof grantsSchema> = { client, serial, sealed: seal(tenant, path, plain) };
  return { path, document: signDocument("enrol", path, body, tenant.signingKey) };
}

function certDocument(tenant: Tenant, record: ClientRecord): PlacedDocument {
  const { client, serial, signs } = record;
  const path = certPath(tenant.name, client);
  const body: z.input<typeof certSchema> = {
    tenant: tenant.name,
    client,
    serial,
    signingKey: text(record.signingKey),
    signs,
  };
  return { path, document: signDocument("cert", path, body, tenant.signingKey) };
}

/** One grant per topic and epoch in force. */
function grantCount({ master }: Tenant, { topics }: ClientRecord): number {
  return topics.length * master.epochs.length;
}

/** Tags are computed here, so that no bridge ever sees a topic: about 2 ms each. */
function grantChunks({ name, master }: Tenant, { topics }: ClientRecord): GrantInput[][] {
  const grants = master.epochs.flatMap(({ epoch, master: key }) =>
    topics.map(({ name: topic, ops, nbf, exp }) => {
      const tag = ownerTag({ master: key, realm: { tenant: name, epoch }, topic });
      return { tag: text(tag), ops, nbf, exp };
    }),
  );
  const chunks: GrantInput[][] = [];
  for (let start = 0; start < grants.length; start += MAX_GRANTS_PER_CHUNK)
    chunks.push(grants.slice(start, start + MAX_GRANTS_PER_CHUNK));
  return chunks;
}

/** Writes the bundle of one change below `documents/` and returns its path. */
export async function writeBundle(
  { layout }: Tenant,
  { serial, label }: { serial: number; label: string },
  documents: readonly PlacedDocument[],
): Promise<string> {
  const path = layout.bundle(serial, label);
  await replaceFile(path, encodeBundle(documents));
  return path;
}

function seal({ master }: Tenant, path: string, plain: Uint8Array): string {
  return text(sealForBridge(master.bridgeKey, path, plain, randomBytes));
}

function text(bytes: Buffer): string {
  return bytes.toString("base64url");
}

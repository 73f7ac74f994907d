/** The signed documents of PROTOCOL.md §4, and the bundles that carry them to a bridge. */
import { randomBytes } from "node:crypto";
import type { z } from "zod";
import { join, lp } from "../core/scheme/bytes.ts";
import { ownerTag, publicParameters } from "../core/scheme/owner.ts";
import {
  certPath,
  type certSchema,
  clientPath,
  type enrolmentSchema,
  grantsPath,
  type grantsSchema,
  headPath,
  type headSchema,
  MAX_GRANTS_PER_CHUNK,
  type sealedGrantsSchema,
} from "../core/wire/directory.ts";
import { sealForBridge, signDocument } from "../core/wire/document.ts";
import {
  type EpochInForce,
  type EpochProxyHalves,
  encodeEpochInForce,
  encodeProxyHalves,
} from "../core/wire/parameters.ts";
import { sealToRecipients } from "./age.ts";
import type { BridgeSettings } from "./bridge-settings.ts";
import type { ClientRecord } from "./client-record.ts";
import type { Issuer } from "./tenant.ts";

/** A signed document and where it belongs. */
export interface PlacedDocument {
  readonly path: string;
  readonly document: Buffer;
}

/** The tenant's epochs in force, with what everybody may know of them. */
export function epochsOf({ master }: Issuer): EpochInForce[] {
  return master.epochs.map(({ epoch, master: key, tagsUntilMs, recordsUntilMs }) => ({
    epoch,
    parameters: publicParameters(key),
    ...(tagsUntilMs === undefined ? {} : { tagsUntilMs }),
    ...(recordsUntilMs === undefined ? {} : { recordsUntilMs }),
  }));
}

/** `head`: the epochs in force, and `lp(tenant) ‖ K_b` sealed to the bridge. */
export async function headDocument(
  tenant: Issuer,
  { serial, settings }: { serial: number; settings: BridgeSettings },
): Promise<PlacedDocument> {
  const key = join(lp(tenant.name), tenant.master.bridgeKey);
  const body: z.input<typeof headSchema> = {
    tenant: tenant.name,
    serial,
    epochs: epochsOf(tenant).map(encodeEpochInForce),
    kafka: settings.kafka,
    sealed: text(await sealToRecipients(key, settings.recipients)),
  };
  const path = headPath(tenant.name);
  return { path, document: signDocument("head", path, body, tenant.signingKey) };
}

/** All documents of an active client, the enrolment first: it says how many grant chunks count. */
export function clientDocuments(tenant: Issuer, record: ClientRecord): PlacedDocument[] {
  return [
    enrolmentDocument(tenant, record),
    ...grantsDocuments(tenant, record),
    certDocument(tenant, record),
  ];
}

/**
 * What a change of epochs alters of an active client: the certificate stays. Grants shift from chunk to chunk, and
 * bridges take one document after the other: where there are more than before, the last one goes first, otherwise the
 * first one, so that no grant is missing in between (a session would lose its alias, a producer be told to rekey).
 */
export function reissuedDocuments(
  tenant: Issuer,
  record: ClientRecord,
  { grows }: { readonly grows: boolean },
): PlacedDocument[] {
  const grants = grantsDocuments(tenant, record);
  return [enrolmentDocument(tenant, record), ...(grows ? grants.reverse() : grants)];
}

function grantsDocuments(tenant: Issuer, record: ClientRecord): PlacedDocument[] {
  return grantChunks(tenant, record).map((grants, chunk) =>
    grantsDocument(tenant, record, { chunk, grants }),
  );
}

/** `clients/<id>`. Once revoked it carries no halves; the grants stay, for the bridge to know who has to rekey. */
export function enrolmentDocument(tenant: Issuer, record: ClientRecord): PlacedDocument {
  const { client, serial, status, signs } = record;
  const path = clientPath(tenant.name, client);
  const entries = bridgeHalves(tenant, record).map(encodeProxyHalves);
  const halves = Buffer.from(JSON.stringify(entries), "utf8");
  const body: z.input<typeof enrolmentSchema> = {
    client,
    serial,
    status,
    authHash: text(record.authHash),
    signingKey: text(record.signingKey),
    signs,
    chunks: record.chunks,
    ...(status === "active" ? { sealed: seal(tenant, path, halves) } : {}),
  };
  return { path, document: signDocument("enrol", path, body, tenant.signingKey) };
}

/** Of the epochs that count; without the tag halves of those whose grace window is over. */
function bridgeHalves({ master }: Issuer, { proxyHalves }: ClientRecord): EpochProxyHalves[] {
  return master.epochs.flatMap(({ epoch, tagsRetired }): EpochProxyHalves[] => {
    const halves = proxyHalves.find((entry) => entry.epoch === epoch)?.halves;
    if (!halves) return [];
    if (!tagsRetired) return [{ epoch, halves }];
    return halves.record ? [{ epoch, halves: { record: halves.record } }] : [];
  });
}

type GrantInput = z.input<typeof sealedGrantsSchema>[number];

function grantsDocument(
  tenant: Issuer,
  { client, serial }: ClientRecord,
  { chunk, grants }: { chunk: number; grants: readonly GrantInput[] },
): PlacedDocument {
  const path = grantsPath(tenant.name, client, chunk);
  const plain = Buffer.from(JSON.stringify(grants), "utf8");
  const body: z.input<typeof grantsSchema> = { client, serial, sealed: seal(tenant, path, plain) };
  return { path, document: signDocument("enrol", path, body, tenant.signingKey) };
}

function certDocument(tenant: Issuer, record: ClientRecord): PlacedDocument {
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

/**
 * How many grants documents a client has: one grant per topic and epoch in force, and never fewer documents than
 * before. One that no longer counted would stay at the bridge, truly signed, and count again with the next that is
 * needed; so it goes on counting, empty (test/attacks/old-grants-chunk).
 */
export function grantChunksOf(
  { master }: Issuer,
  { topics, chunks }: Pick<ClientRecord, "topics" | "chunks">,
): number {
  return Math.max(chunks, Math.ceil((topics.length * master.epochs.length) / MAX_GRANTS_PER_CHUNK));
}

/**
 * Tags are computed here, so that no bridge ever sees a topic: about 2 ms each. By topic first: one that is added
 * changes the last chunk alone.
 */
function grantChunks({ name, master }: Issuer, { topics, chunks }: ClientRecord): GrantInput[][] {
  const grants = topics.flatMap(({ name: topic, ops, nbf, exp }) =>
    master.epochs.map(({ epoch, master: key }) => {
      const tag = ownerTag({ master: key, realm: { tenant: name, epoch }, topic });
      return { tag: text(tag), ops, nbf, exp };
    }),
  );
  return Array.from({ length: chunks }, (_, chunk) =>
    grants.slice(chunk * MAX_GRANTS_PER_CHUNK, (chunk + 1) * MAX_GRANTS_PER_CHUNK),
  );
}

function seal({ master }: Issuer, path: string, plain: Uint8Array): string {
  return text(sealForBridge(master.bridgeKey, path, plain, randomBytes));
}

function text(bytes: Buffer): string {
  return bytes.toString("base64url");
}

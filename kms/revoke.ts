/** `kms revoke`: the document that cuts a client off. */
import { VeilError } from "../core/errors.ts";
import { checkName } from "../core/wire/fields.ts";
import { readClient, takeClientSerial, writeClient } from "./client-record.ts";
import { enrolmentDocument, writeBundle } from "./documents.ts";
import type { Tenant } from "./tenant.ts";

export interface Revoked {
  readonly client: string;
  readonly serial: number;
  /** Whether it was revoked before: the document is made again, for bridges that may have missed it. */
  readonly again: boolean;
  readonly bundle: string;
}

/** Takes effect when a bridge has the bundle. Throws NOT_FOUND for an unknown client. */
export async function revoke(tenant: Tenant, name: string): Promise<Revoked> {
  const client = checkName(name, "a client");
  const previous = await readClient(tenant.state, client);
  if (!previous) throw new VeilError("NOT_FOUND", `${client} is not enrolled`);
  const serial = await takeClientSerial(tenant.state, previous);
  const record = { ...previous, serial, status: "revoked" as const, changedAtMs: Date.now() };
  await writeClient(tenant.state, record);
  const documents = [enrolmentDocument(tenant, record)];
  const bundle = await writeBundle(tenant, { serial, label: `revoke-${client}` }, documents);
  return { client, serial, again: previous.status === "revoked", bundle };
}

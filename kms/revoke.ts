/** `kms revoke`: the document that cuts a client off. */
import { checkName } from "../core/wire/fields.ts";
import { commitChange } from "./bundle.ts";
import { knownClient, takeClientSerial, writeClient } from "./client-record.ts";
import { enrolmentDocument } from "./documents.ts";
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
  const previous = await knownClient(tenant.state, client);
  const serial = await takeClientSerial(tenant.state, previous);
  const record = { ...previous, serial, status: "revoked" as const, changedAtMs: Date.now() };
  const bundle = await commitChange(tenant, {
    serial,
    label: `revoke-${client}`,
    documents: [enrolmentDocument(tenant, record)],
    entries: [{ op: "revoke", client, serial }],
    keep: () => writeClient(tenant.state, record),
  });
  return { client, serial, again: previous.status === "revoked", bundle };
}

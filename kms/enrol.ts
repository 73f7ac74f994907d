/** `kms enrol`: a client's credential, and the documents that make the bridge know it. */
import { dirname } from "node:path";
import { VeilError } from "../core/errors.ts";
import { fileExists, makeFolder, replaceSecretFile } from "../core/runtime/files.ts";
import { checkName } from "../core/wire/fields.ts";
import { generateAgePair } from "./age.ts";
import { type BridgeAddresses, checkAddresses, readBridgeSettings } from "./bridge-settings.ts";
import { commitChange } from "./bundle.ts";
import { type ClientRecord, readClient, takeClientSerial, writeClient } from "./client-record.ts";
import { clientDocuments } from "./documents.ts";
import { issue } from "./issue.ts";
import type { Tenant } from "./tenant.ts";
import { addTopics, countTopics, type NamedTopics, type Validity } from "./topic-grants.ts";

export interface EnrolRequest extends NamedTopics, Validity {
  readonly client: string;
  /** Whether every record of this producer carries a signature. */
  readonly signs?: boolean;
  /** What differs from the addresses given at init. */
  readonly addresses?: Partial<BridgeAddresses>;
  /** Needed where the client is enrolled already: it gets new halves and a new secret, and the old ones end. */
  readonly again?: boolean;
  /** With `again`: also a new signing key. What the client announced under the old one cannot be opened any more. */
  readonly newSigningKey?: boolean;
  /** Where the credential goes; `credentials/<client>.cred.json` of the tenant unless given. */
  readonly credentialPath?: string | undefined;
}

export interface Enrolled {
  readonly client: string;
  readonly serial: number;
  /** Whether it had been enrolled before. */
  readonly again: boolean;
  readonly publish: number;
  readonly subscribe: number;
  readonly credential: string;
  readonly bundle: string;
}

/**
 * Throws BAD_ARGUMENT; CONFLICT where the client or the credential's file exists and `again` is not given;
 * ROLLED_BACK. Cut off by kill -9 the client is known here and can be enrolled `again` or revoked.
 */
export async function enrol(tenant: Tenant, request: EnrolRequest): Promise<Enrolled> {
  const { signs = false, newSigningKey = false } = request;
  const client = checkName(request.client, "a client");
  const topics = addTopics([], request);
  const addresses = { ...(await readBridgeSettings(tenant.state)).addresses, ...request.addresses };
  checkAddresses(addresses);
  const previous = await readClient(tenant.state, client);
  const credentialPath = request.credentialPath ?? tenant.layout.credential(client);
  await refuseSilentRenewal(request, { previous, credentialPath });

  const serial = await takeClientSerial(tenant.state, previous);
  const agePair = await generateAgePair();
  const issued = issue(tenant, {
    client,
    serial,
    topics,
    signs,
    addresses,
    previous,
    newSigningKey,
    agePair,
  });
  const counts = { publish: countTopics(topics, "pub"), subscribe: countTopics(topics, "sub") };
  const bundle = await commitChange(tenant, {
    serial,
    label: `enrol-${client}`,
    documents: clientDocuments(tenant, issued.record),
    entries: [{ op: "enrol", client, serial, ...counts }],
    keep: async () => {
      await writeClient(tenant.state, issued.record);
      await makeFolder(dirname(credentialPath));
      await replaceSecretFile(credentialPath, issued.credential);
    },
  });
  return {
    client,
    serial,
    again: previous !== null,
    ...counts,
    credential: credentialPath,
    bundle,
  };
}

async function refuseSilentRenewal(
  { client, again = false }: EnrolRequest,
  { previous, credentialPath }: { previous: ClientRecord | null; credentialPath: string },
): Promise<void> {
  if (again) return;
  if (previous)
    throw new VeilError("CONFLICT", `${client} is enrolled already (${previous.status})`, {
      hint: "--again gives it a new credential, and ends the old one when the bridge has the documents",
    });
  if (await fileExists(credentialPath))
    throw new VeilError("CONFLICT", `${credentialPath} exists already`);
}

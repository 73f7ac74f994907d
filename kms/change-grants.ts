/** `kms grant` and `kms ungrant`: what an enrolled client may do, without a new enrolment. */
import { randomBytes } from "node:crypto";
import { VeilError } from "../core/errors.ts";
import { replaceSecretFile } from "../core/runtime/files.ts";
import { sha256 } from "../core/scheme/bytes.ts";
import { splitHalves } from "../core/scheme/owner.ts";
import { type Credential, encodeCredential } from "../core/wire/credential.ts";
import { checkName } from "../core/wire/fields.ts";
import type { EpochHalves } from "../core/wire/parameters.ts";
import { commitChange } from "./bundle.ts";
import { clientEpochs } from "./client-epochs.ts";
import {
  type ClientRecord,
  knownClient,
  type TopicGrant,
  takeClientSerial,
  writeClient,
} from "./client-record.ts";
import { type FoundCredential, findCredential } from "./credential-file.ts";
import { clientDocuments, grantChunksOf } from "./documents.ts";
import type { Tenant } from "./tenant.ts";
import {
  addTopics,
  countTopics,
  type NamedTopics,
  removeTopics,
  type Validity,
} from "./topic-grants.ts";

/** Whose grants change, and where its credential is, if not where `enrol` puts it. */
interface ChangedClient {
  readonly client: string;
  readonly credentialPath?: string | undefined;
}

export interface GrantRequest extends ChangedClient, NamedTopics, Validity {}

export interface UngrantRequest extends ChangedClient, NamedTopics {
  /** All topics, whatever is named: the client stays enrolled and may do nothing. */
  readonly all?: boolean;
}

/** What a client may do now. */
export interface ChangedGrants {
  readonly client: string;
  readonly serial: number;
  /** How many topics it may publish and subscribe to now. */
  readonly publish: number;
  readonly subscribe: number;
  /** The credential's file, which lists the new topics; `null` where it was not at hand. */
  readonly credential: string | null;
  /** Whether the credential has got a record half: without the new file the client cannot read what it may. */
  readonly newRecordHalf: boolean;
  readonly bundle: string;
}

/**
 * Adds topics, or changes their validity. A producer that becomes a consumer gets a record half in its credential
 * beside the tag half that it has: a second tag half for one client would give the bridge and it the owner's key
 * (docs/threat-model.md). Throws as {@link addTopics}; NOT_FOUND, REVOKED, ROLLED_BACK, BAD_CREDENTIAL; SECRET_FILE
 * where a record half is needed and the credential is not at hand.
 */
export async function grant(tenant: Tenant, request: GrantRequest): Promise<ChangedGrants> {
  const previous = await changeable(tenant, request.client);
  return await change(tenant, {
    op: "grant",
    request,
    previous,
    topics: addTopics(previous.topics, request),
  });
}

/** Takes topics away. Throws as {@link removeTopics}; NOT_FOUND, REVOKED, ROLLED_BACK, BAD_CREDENTIAL. */
export async function ungrant(tenant: Tenant, request: UngrantRequest): Promise<ChangedGrants> {
  const previous = await changeable(tenant, request.client);
  const topics = request.all ? [] : removeTopics(previous.topics, request);
  return await change(tenant, { op: "ungrant", request, previous, topics });
}

async function changeable({ state }: Tenant, name: string): Promise<ClientRecord> {
  const previous = await knownClient(state, checkName(name, "a client"));
  if (previous.status === "revoked")
    throw new VeilError("REVOKED", `${previous.client} is revoked`, {
      hint: "`veilmq kms enrol --again` lets it back in",
    });
  return previous;
}

interface GrantChange {
  readonly op: "grant" | "ungrant";
  readonly request: ChangedClient;
  readonly previous: ClientRecord;
  readonly topics: TopicGrant[];
}

async function change(
  tenant: Tenant,
  { op, request, previous, topics }: GrantChange,
): Promise<ChangedGrants> {
  const { client } = previous;
  const found = await findCredential(tenant, previous, request.credentialPath);
  const needsHalf = countTopics(topics, "sub") > 0 && !canRead(previous);
  if (needsHalf && !found) throw noCredential(client);

  const serial = await takeClientSerial(tenant.state, previous);
  const changed: ClientRecord = {
    ...previous,
    serial,
    changedAtMs: Date.now(),
    topics,
    chunks: grantChunksOf(tenant, { topics, chunks: previous.chunks }),
    ...(needsHalf ? { proxyHalves: withRecordHalves(tenant, previous) } : {}),
  };
  const file = found && encodeCredential(rewritten(tenant, found, changed));
  const record = file === null ? changed : { ...changed, credentialDigest: sha256(file) };
  const counts = { publish: countTopics(topics, "pub"), subscribe: countTopics(topics, "sub") };
  const bundle = await commitChange(tenant, {
    serial,
    label: `${op}-${client}`,
    documents: clientDocuments(tenant, record),
    entries: [{ op, client, serial, ...counts }],
    keep: async () => {
      await writeClient(tenant.state, record);
      if (found && file !== null) await replaceSecretFile(found.path, file);
    },
  });
  return {
    client,
    serial,
    ...counts,
    credential: found?.path ?? null,
    newRecordHalf: needsHalf,
    bundle,
  };
}

function noCredential(client: string): VeilError {
  return new VeilError(
    "SECRET_FILE",
    `${client} becomes a consumer: its credential has to get a key`,
    {
      hint: "bring the file back here (--credential FILE), or make a new one: veilmq kms enrol --again",
    },
  );
}

function canRead({ proxyHalves }: ClientRecord): boolean {
  return proxyHalves.every(({ halves }) => halves.record !== undefined);
}

/** The bridge's halves with record halves of each epoch; what is there already stays. */
function withRecordHalves({ master }: Tenant, { proxyHalves }: ClientRecord): EpochHalves[] {
  return proxyHalves.map(({ epoch, halves }) => {
    const key = master.epochs.find((known) => known.epoch === epoch)?.master;
    if (halves.record || !key) return { epoch, halves };
    const { record } = splitHalves({ master: key, random: randomBytes, consumer: true }).proxy;
    if (!record) throw new VeilError("INTERNAL", "a consumer was split no record half");
    return { epoch, halves: { tag: halves.tag, record } };
  });
}

/** Complete, whatever the file had: the client may have got newer epochs by mail. */
function rewritten(
  tenant: Tenant,
  { credential }: FoundCredential,
  { serial, topics, proxyHalves }: ClientRecord,
): Credential {
  return {
    ...credential,
    serial,
    ...clientEpochs(tenant, { proxyHalves }),
    topics: topics.map(({ name, ops }) => ({ name, ops })),
  };
}

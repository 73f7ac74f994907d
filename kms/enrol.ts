/** `kms enrol`: a client's credential, and the documents that make the bridge know it. */
import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import { VeilError } from "../core/errors.ts";
import { fileExists, makeFolder, replaceSecretFile } from "../core/runtime/files.ts";
import { sha256 } from "../core/scheme/bytes.ts";
import { splitHalves } from "../core/scheme/owner.ts";
import { type Credential, encodeCredential } from "../core/wire/credential.ts";
import { OPERATIONS, type Operation } from "../core/wire/directory.ts";
import { checkName, topicName } from "../core/wire/fields.ts";
import { generateSigningKey } from "../core/wire/keys.ts";
import { SECRET_BYTES } from "../core/wire/login.ts";
import { generateAgePair } from "./age.ts";
import { type BridgeAddresses, checkAddresses, readBridgeSettings } from "./bridge-settings.ts";
import {
  type ClientRecord,
  FOREVER_MS,
  readClient,
  type TopicGrant,
  takeClientSerial,
  writeClient,
} from "./client-record.ts";
import { clientDocuments, epochsOf, writeBundle } from "./documents.ts";
import type { Tenant } from "./tenant.ts";

const GROUP_KEY_BYTES = 32;
const MAX_TOPICS = 100_000;

export interface EnrolRequest {
  readonly client: string;
  /** Topic names, brought to NFC here. */
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  /** Whether every record of this producer carries a signature. */
  readonly signs?: boolean;
  /** The grants' end, milliseconds since 1970; none unless given. */
  readonly validUntilMs?: number | undefined;
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
 * ROLLED_BACK.
 *
 * The order is for kill -9: the serial is taken before it is used, the owner's own record is written before anything
 * that could reach a bridge, and the bundle, which is what takes effect, comes last. Cut off in between, the client
 * is known here and can be enrolled `again` or revoked.
 */
export async function enrol(tenant: Tenant, request: EnrolRequest): Promise<Enrolled> {
  const client = checkName(request.client, "a client");
  const topics = topicGrants(request);
  const addresses = { ...(await readBridgeSettings(tenant.state)).addresses, ...request.addresses };
  checkAddresses(addresses);
  const previous = await readClient(tenant.state, client);
  const credentialPath = request.credentialPath ?? tenant.layout.credential(client);
  await refuseSilentRenewal(request, { previous, credentialPath });

  const serial = await takeClientSerial(tenant.state, previous);
  const issued = await issue(tenant, { request, previous, serial, topics, addresses });
  await writeClient(tenant.state, issued.record);
  await makeFolder(dirname(credentialPath));
  await replaceSecretFile(credentialPath, encodeCredential(issued.credential));
  const documents = clientDocuments(tenant, issued.record);
  const bundle = await writeBundle(tenant, { serial, label: `enrol-${client}` }, documents);
  return {
    client,
    serial,
    again: previous !== null,
    publish: count(topics, "pub"),
    subscribe: count(topics, "sub"),
    credential: credentialPath,
    bundle,
  };
}

/** Each topic once, with all its operations. */
function topicGrants({ publish, subscribe, validUntilMs }: EnrolRequest): TopicGrant[] {
  const operations = new Map<string, Set<Operation>>();
  const add = (names: readonly string[], operation: Operation): void => {
    for (const text of names) {
      const name = topicName(text);
      operations.set(name, (operations.get(name) ?? new Set()).add(operation));
    }
  };
  add(publish, "pub");
  add(subscribe, "sub");
  if (operations.size === 0)
    throw new VeilError("BAD_ARGUMENT", "a client needs a topic to publish or to subscribe to");
  if (operations.size > MAX_TOPICS)
    throw new VeilError("BAD_ARGUMENT", `a client has at most ${MAX_TOPICS} topics`);
  if (validUntilMs !== undefined && validUntilMs <= Date.now())
    throw new VeilError("BAD_ARGUMENT", "the grants' end is in the past");
  // No beginning: the owner's clock, offline for months, must not keep a client out.
  const validity = { nbf: 0, exp: validUntilMs ?? FOREVER_MS };
  return [...operations].map(([name, ops]) => ({
    name,
    ops: OPERATIONS.filter((operation) => ops.has(operation)),
    ...validity,
  }));
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

interface Issue {
  readonly request: EnrolRequest;
  readonly previous: ClientRecord | null;
  readonly serial: number;
  readonly topics: TopicGrant[];
  readonly addresses: BridgeAddresses;
}

/** Makes all keys of the client: its side in the credential, the owner's and the bridge's side in the record. */
async function issue(
  tenant: Tenant,
  { request, previous, serial, topics, addresses }: Issue,
): Promise<{ record: ClientRecord; credential: Credential }> {
  const { client, signs = false } = request;
  const { ca, ...bridge } = addresses;
  const secret = randomBytes(SECRET_BYTES);
  const age = await generateAgePair();
  const signing = signingPair(request, previous);
  // Kept, since the consumer's checkpoints and its rights in Kafka are under the group that it names.
  const groupKey = previous?.groupKey ?? randomBytes(GROUP_KEY_BYTES);
  const halves = splitEpochs(tenant, { consumer: count(topics, "sub") > 0 });
  const credential: Credential = {
    veilmq: "credential",
    version: 1,
    tenant: tenant.name,
    client,
    serial,
    secret,
    epochs: epochsOf(tenant),
    halves: halves.map(({ epoch, client: own }) => ({ epoch, halves: own })),
    signingKey: signing.seed,
    signs,
    ageIdentity: age.identity,
    kmsPublicKey: tenant.master.kmsPublicKey,
    groupKey,
    bridge,
    ...(ca === undefined ? {} : { ca }),
    topics: topics.map(({ name, ops }) => ({ name, ops })),
  };
  const record: ClientRecord = {
    client,
    serial,
    status: "active",
    changedAtMs: Date.now(),
    topics,
    signs,
    authHash: sha256(secret),
    signingKey: signing.publicKey,
    signingSeed: signing.seed,
    groupKey,
    ageRecipient: age.recipient,
    proxyHalves: halves.map(({ epoch, proxy }) => ({ epoch, halves: proxy })),
  };
  return { record, credential };
}

/**
 * The signing key stays unless a new one is asked for: announcements that the bridge has, and those still in the
 * device's outbox, are checked against it.
 */
function signingPair({ newSigningKey = false }: EnrolRequest, previous: ClientRecord | null) {
  if (!previous || newSigningKey) return generateSigningKey();
  return { seed: previous.signingSeed, publicKey: previous.signingKey };
}

function splitEpochs({ master }: Tenant, { consumer }: { consumer: boolean }) {
  return master.epochs.map(({ epoch, master: key }) => ({
    epoch,
    ...splitHalves({ master: key, random: randomBytes, consumer }),
  }));
}

function count(topics: readonly TopicGrant[], operation: Operation): number {
  return topics.filter(({ ops }) => ops.includes(operation)).length;
}

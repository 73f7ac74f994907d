/**
 * What makes a client: its keys, its credential, the owner's record and the bridge's documents. Mathematics alone, no
 * file is touched: bulk enrolment does it on worker threads.
 */
import { randomBytes } from "node:crypto";
import { sha256 } from "../core/scheme/bytes.ts";
import { splitHalves } from "../core/scheme/owner.ts";
import { type Credential, encodeCredential } from "../core/wire/credential.ts";
import { generateSigningKey } from "../core/wire/keys.ts";
import { SECRET_BYTES } from "../core/wire/login.ts";
import type { BridgeAddresses } from "./bridge-settings.ts";
import type { ClientRecord, TopicGrant } from "./client-record.ts";
import { epochsOf, grantChunksOf } from "./documents.ts";
import type { Issuer } from "./tenant.ts";
import { countTopics } from "./topic-grants.ts";

const GROUP_KEY_BYTES = 32;

/** A client to be made, or made again. */
export interface Issue {
  readonly client: string;
  readonly serial: number;
  readonly topics: TopicGrant[];
  /** Whether every record of this producer carries a signature. */
  readonly signs: boolean;
  readonly addresses: BridgeAddresses;
  /** What it was before. Its grants chunks never become fewer, its group stays. */
  readonly previous: ClientRecord | null;
  /** Also a new signing key, where it had one. */
  readonly newSigningKey: boolean;
  /** Fresh, for its mail: making it is the one thing here that is not synchronous. */
  readonly agePair: { readonly identity: string; readonly recipient: string };
}

export interface Issued {
  readonly record: ClientRecord;
  /** The credential's file. */
  readonly credential: string;
}

/** Makes all keys of a client: its side in the credential, the owner's and the bridge's side in the record. */
export function issue(issuer: Issuer, order: Issue): Issued {
  const { client, serial, topics, signs, previous, agePair } = order;
  const { ca, ...bridge } = order.addresses;
  const secret = randomBytes(SECRET_BYTES);
  const signing = signingPair(order);
  // Kept, since the consumer's checkpoints and its rights in Kafka are under the group that it names.
  const groupKey = previous?.groupKey ?? randomBytes(GROUP_KEY_BYTES);
  const halves = splitEpochs(issuer, { consumer: countTopics(topics, "sub") > 0 });
  const credential: Credential = {
    veilmq: "credential",
    version: 1,
    tenant: issuer.name,
    client,
    serial,
    secret,
    epochs: epochsOf(issuer),
    halves: halves.map(({ epoch, client: own }) => ({ epoch, halves: own })),
    signingKey: signing.seed,
    signs,
    ageIdentity: agePair.identity,
    kmsPublicKey: issuer.master.kmsPublicKey,
    groupKey,
    bridge,
    ...(ca === undefined ? {} : { ca }),
    topics: topics.map(({ name, ops }) => ({ name, ops })),
  };
  const file = encodeCredential(credential);
  const record: ClientRecord = {
    client,
    serial,
    status: "active",
    changedAtMs: Date.now(),
    topics,
    chunks: grantChunksOf(issuer, { topics, chunks: previous?.chunks ?? 0 }),
    signs,
    authHash: sha256(secret),
    signingKey: signing.publicKey,
    signingSeed: signing.seed,
    groupKey,
    ageRecipient: agePair.recipient,
    proxyHalves: halves.map(({ epoch, proxy }) => ({ epoch, halves: proxy })),
    epochsSerial: issuer.master.epochsSerial,
    credentialDigest: sha256(file),
  };
  return { record, credential: file };
}

/**
 * The signing key stays unless a new one is asked for: announcements that the bridge has, and those still in the
 * device's outbox, are checked against it.
 */
function signingPair({ newSigningKey, previous }: Issue): { seed: Buffer; publicKey: Buffer } {
  if (!previous || newSigningKey) return generateSigningKey();
  return { seed: previous.signingSeed, publicKey: previous.signingKey };
}

function splitEpochs({ master }: Issuer, { consumer }: { consumer: boolean }) {
  return master.epochs.map(({ epoch, master: key }) => ({
    epoch,
    ...splitHalves({ master: key, random: randomBytes, consumer }),
  }));
}

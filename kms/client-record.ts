/** `state/clients/<id>`: what the owner knows of one client. Enough to issue its documents again without the client. */
import { z } from "zod";
import { VeilError } from "../core/errors.ts";
import { OPERATIONS } from "../core/wire/directory.ts";
import {
  bytesField,
  nameField,
  serialField,
  timeMsField,
  topicField,
} from "../core/wire/fields.ts";
import { encodeHalves, halvesSchema, MAX_EPOCHS } from "../core/wire/parameters.ts";
import { clientFile, type StateFiles } from "./state-files.ts";

const topicGrantSchema = z.strictObject({
  name: topicField,
  ops: z.array(z.enum(OPERATIONS)).min(1).max(2),
  nbf: timeMsField,
  exp: timeMsField,
});
/** One topic of a client, in force while `nbf ≤ now < exp`. */
export type TopicGrant = z.output<typeof topicGrantSchema>;

const clientRecordSchema = z.strictObject({
  client: nameField,
  /** Of its newest documents. */
  serial: serialField,
  status: z.enum(["active", "revoked"]),
  changedAtMs: timeMsField,
  topics: z.array(topicGrantSchema),
  /** Grants documents that count at the bridge. Never fewer than before: one that fell away could be put back there. */
  chunks: z.int().min(0),
  signs: z.boolean(),
  authHash: bytesField(32),
  /** Ed25519: the public key, and the seed, so that a client enrolled again remains the producer of what it has sent. */
  signingKey: bytesField(32),
  signingSeed: bytesField(32),
  groupKey: bytesField(32),
  /** `age1…`: mail is sealed to it. */
  ageRecipient: z.string(),
  /** The bridge's side, by epoch; the client's follows from it. */
  proxyHalves: z.array(halvesSchema).min(1).max(MAX_EPOCHS),
  /** As the master file had it when these documents were made: where it is behind, the client has still to be told. */
  epochsSerial: serialField.optional(),
  /** SHA-256 of the credential's file as it was issued last. */
  credentialDigest: bytesField(32),
});
export type ClientRecord = z.output<typeof clientRecordSchema>;

/** The record as JSON, the bytes in it as b64url. */
export type EncodedClientRecord = z.input<typeof clientRecordSchema>;

/** Throws BAD_DOCUMENT. */
export function decodeClientRecord(encoded: EncodedClientRecord): ClientRecord {
  return clientRecordSchema.parse(encoded);
}

export function encodeClientRecord(record: ClientRecord): EncodedClientRecord {
  const { authHash, signingKey, signingSeed, groupKey, proxyHalves, credentialDigest, ...rest } =
    record;
  return {
    ...rest,
    authHash: authHash.toString("base64url"),
    signingKey: signingKey.toString("base64url"),
    signingSeed: signingSeed.toString("base64url"),
    groupKey: groupKey.toString("base64url"),
    proxyHalves: proxyHalves.map(encodeHalves),
    credentialDigest: credentialDigest.toString("base64url"),
  };
}

/** `null` where there is no such client. Throws BAD_DOCUMENT where its file was changed. */
export async function readClient(state: StateFiles, client: string): Promise<ClientRecord | null> {
  return await state.read(clientFile(client), clientRecordSchema);
}

export async function writeClient(state: StateFiles, record: ClientRecord): Promise<void> {
  await state.replace(clientFile(record.client), encodeClientRecord(record));
}

/** The client's record. Throws NOT_FOUND where there is none, BAD_DOCUMENT where its file was changed. */
export async function knownClient(state: StateFiles, client: string): Promise<ClientRecord> {
  const record = await readClient(state, client);
  if (!record)
    throw new VeilError("NOT_FOUND", `${client} is not enrolled`, {
      hint: "`veilmq kms list` names who is",
    });
  return record;
}

/** The serial of the next documents of a client. Throws as {@link checkAbove}. */
export async function takeClientSerial(
  state: StateFiles,
  previous: ClientRecord | null,
): Promise<number> {
  const serial = await state.takeSerials();
  checkAbove(serial, previous);
  return serial;
}

/**
 * Throws ROLLED_BACK where a new serial is not above what the client already has: somebody put an old counter back,
 * and bridges would refuse the documents.
 */
export function checkAbove(serial: number, previous: ClientRecord | null): void {
  if (previous && serial <= previous.serial)
    throw new VeilError("ROLLED_BACK", "the serial counter is behind the clients' files", {
      hint: "restore the whole folder of the tenant from one backup",
    });
}

/** PROTOCOL.md §4: a client's credential, a file of mode 0600 or a systemd credential. */
import { z } from "zod";
import { VeilError } from "../errors.ts";
import { OPERATIONS } from "./directory.ts";
import { bytesField, nameField, parseJson, serialField, topicField } from "./fields.ts";
import { SECRET_BYTES } from "./login.ts";
import {
  clientKeyFields,
  type EpochHalves,
  type EpochInForce,
  encodeClientKeys,
} from "./parameters.ts";

export const credentialSchema = z.strictObject({
  veilmq: z.literal("credential"),
  version: z.literal(1),
  tenant: nameField,
  client: nameField,
  serial: serialField,
  /** The MQTT and HTTP secret. */
  secret: bytesField(SECRET_BYTES),
  ...clientKeyFields,
  /** Ed25519 seed of announcements and record signatures. */
  signingKey: bytesField(32),
  signs: z.boolean(),
  /** age identity (`AGE-SECRET-KEY-1…`) that mail is sealed to. */
  ageIdentity: z.string().startsWith("AGE-SECRET-KEY-1"),
  /** Ed25519 public key of the tenant's KMS, pinned. */
  kmsPublicKey: bytesField(32),
  /** Names the consumer's Kafka group. */
  groupKey: bytesField(32),
  bridge: z.strictObject({
    /** `mqtts://host:port` or `mqtt://` (loopback, unless asked for by name). */
    mqtt: z.array(z.string().regex(/^mqtts?:\/\/[^/]+$/)).max(16),
    /** `https://host:port` or `http://`. */
    http: z.array(z.string().regex(/^https?:\/\/[^/]+$/)).max(16),
  }),
  /** PEM of the only authority this client trusts; absent for plaintext on loopback. */
  ca: z.string().optional(),
  topics: z
    .array(z.strictObject({ name: topicField, ops: z.array(z.enum(OPERATIONS)).min(1).max(2) }))
    .max(100_000),
});
export type Credential = z.output<typeof credentialSchema>;

/** Throws BAD_CREDENTIAL naming the fields, never their values. */
export function decodeCredential(bytes: Uint8Array): Credential {
  return parseJson(bytes, credentialSchema, "BAD_CREDENTIAL", { jitless: true });
}

export function encodeCredential(credential: Credential): string {
  const { secret, signingKey, kmsPublicKey, groupKey, epochs, halves, ...rest } = credential;
  const document: z.input<typeof credentialSchema> = {
    ...rest,
    secret: secret.toString("base64url"),
    signingKey: signingKey.toString("base64url"),
    kmsPublicKey: kmsPublicKey.toString("base64url"),
    groupKey: groupKey.toString("base64url"),
    ...encodeClientKeys({ epochs, halves }),
  };
  return `${JSON.stringify(document, null, 1)}\n`;
}

/** The newest epoch of the credential with this client's halves for it. Throws BAD_CREDENTIAL if it has none. */
export function newestEpoch(credential: Credential): EpochInForce & EpochHalves {
  const newest = credential.epochs.reduce((a, b) => (b.epoch > a.epoch ? b : a));
  const halves = credential.halves.find((entry) => entry.epoch === newest.epoch)?.halves;
  if (!halves) throw new VeilError("BAD_CREDENTIAL", "the newest epoch has no halves");
  return { ...newest, halves };
}

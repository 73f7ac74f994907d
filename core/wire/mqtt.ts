/** PROTOCOL.md §5: MQTT topics, registrations and the bridge's answers. */
import { z } from "zod";
import { REFUSAL_CODES, VeilError } from "../errors.ts";
import { i2osp, join } from "../scheme/bytes.ts";
import { KID_BYTES } from "../scheme/record/header.ts";
import { MAX_TOKEN_BYTES } from "../scheme/suite.ts";
import { bytesField, decimalField, mailNumberField, parseJson } from "./fields.ts";

export const ACK_TOPIC = "v1/ack";
export const MAIL_TOPIC = "v1/mail";
/** The largest payload a bridge takes: a padded 64 KiB record with header, authentication tag and signature. */
export const MAX_PAYLOAD_BYTES = 66 * 1024;

export const UPSTREAM_KINDS = ["reg", "key", "rec"] as const;
export type UpstreamKind = (typeof UPSTREAM_KINDS)[number];

export interface UpstreamTopic {
  readonly kind: UpstreamKind;
  /** 1–65,535, chosen by the client, for one connection. */
  readonly alias: number;
}

/** The beginning of a topic, up to its alias. */
const PREFIX_LENGTH = "v1/reg/".length;
const KIND_OF = new Map<string, UpstreamKind>(UPSTREAM_KINDS.map((kind) => [`v1/${kind}/`, kind]));
const ALIAS = /^[1-9][0-9]{0,4}$/;

export function formatUpstream({ kind, alias }: UpstreamTopic): string {
  return `v1/${kind}/${alias}`;
}

/** `null` where a client may not publish. */
export function parseUpstream(topic: string): UpstreamTopic | null {
  const kind = upstreamKind(topic);
  const number = topic.slice(PREFIX_LENGTH);
  const alias = ALIAS.test(number) ? Number(number) : 0;
  return kind && alias > 0 && alias <= 0xffff ? { kind, alias } : null;
}

/** By the beginning of a topic alone. */
export function upstreamKind(topic: string): UpstreamKind | undefined {
  return KIND_OF.get(topic.slice(0, PREFIX_LENGTH));
}

export interface Registration {
  readonly epoch: number;
  readonly token: Buffer;
}

/** `epoch(4) ‖ token`. */
export function encodeRegistration({ epoch, token }: Registration): Buffer {
  return join(i2osp(epoch, 4), token);
}

/** Throws BAD_TOKEN when it is too short or too long to hold a token of any suite; the suite checks the token itself. */
export function decodeRegistration(payload: Uint8Array): Registration {
  const bytes = Buffer.from(payload);
  if (bytes.length < 5) throw new VeilError("BAD_TOKEN", "the registration is too short");
  if (bytes.length > 4 + MAX_TOKEN_BYTES)
    throw new VeilError("BAD_TOKEN", "the registration is too long");
  return { epoch: bytes.readUInt32BE(0), token: bytes.subarray(4) };
}

const aliasField = z.int().min(1).max(0xffff);
const refusal = {
  status: z.literal("refused"),
  code: z.enum(REFUSAL_CODES),
  message: z.string().max(500),
};

/** A mail as it travels: the signed document, and the number that its path ends with. */
export interface NumberedMail {
  /** Its serial. */
  readonly number: number;
  readonly document: Buffer;
}

const MAIL_NUMBER_BYTES = 8;

/** What the bridge pushes on `v1/mail`: `I2OSP(number, 8) ‖ document`. */
export function encodeMailPush({ number, document }: NumberedMail): Buffer {
  return join(i2osp(number, MAIL_NUMBER_BYTES), document);
}

/** Throws BAD_DOCUMENT when it is too short, or no path ends with that number. */
export function decodeMailPush(payload: Uint8Array): NumberedMail {
  const bytes = Buffer.from(payload);
  if (bytes.length <= MAIL_NUMBER_BYTES)
    throw new VeilError("BAD_DOCUMENT", "the mail is too short");
  const number = mailNumberField.safeParse(Number(bytes.readBigUInt64BE(0)));
  if (!number.success) throw new VeilError("BAD_DOCUMENT", "no mail has this number");
  return { number: number.data, document: bytes.subarray(MAIL_NUMBER_BYTES) };
}

/** What the bridge pushes to a device on `v1/ack`. */
const ackSchema = z.union([
  z.strictObject({ alias: aliasField, status: z.literal("ok") }),
  z.strictObject({ alias: aliasField, status: z.literal("rekey") }),
  z.strictObject({ alias: aliasField, ...refusal }),
  z.strictObject({
    alias: aliasField,
    kid: bytesField(KID_BYTES),
    seq: decimalField,
    ...refusal,
  }),
]);
export type Ack = z.output<typeof ackSchema>;
export type AckMessage = z.input<typeof ackSchema>;

export function encodeAck(message: AckMessage): Buffer {
  return Buffer.from(JSON.stringify(message), "utf8");
}

/** Throws BAD_ARGUMENT. */
export function decodeAck(payload: Uint8Array): Ack {
  return parseJson(payload, ackSchema);
}

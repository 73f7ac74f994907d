/**
 * What a record file's one record was made from. The files say it in fields, or only in the sentence
 * under `about`; what neither says is read from the record's own header.
 */
import { VeilError } from "../../errors.ts";
import type { Realm } from "../context.ts";
import { AEAD, type AeadId, decodeHeader, type RecordHeader } from "../record/header.ts";
import type { Fields } from "./fields.ts";

/** The inputs of one record of suite `rsa`. */
export interface RecordInputs {
  readonly realm: Realm;
  readonly topic: string;
  readonly producerId: string;
  /** The header that the record should have, but for its kid. */
  readonly header: Omit<RecordHeader, "kid">;
  /** `undefined` where the file does not say it: the record, opened, does. */
  readonly plaintext: Buffer | undefined;
}

const SAID = {
  tenant: /\btenant ([a-z0-9][a-z0-9._-]*)/,
  epoch: /\bepoch (\d+)/,
  topic: /\bepoch \d+, (?:topic )?(.+?), producer /,
  producer: /\bproducer ([a-z0-9][a-z0-9._-]*)/,
  aead: /\b(AES-256-GCM|ChaCha20-Poly1305)\b/i,
  flags: /\bflags (\d+)/,
  seq: /\bseq (\d+)/,
  ts: /\bts (\d+)/,
  plaintext: /\bplaintext (.+?)\.?(?: Hexadecimal\.?)?$/,
};
const FLAG_PADDED = 1n;
const FLAG_SIGNED = 2n;
const HEX_BYTES = /^([0-9a-f]{2})+$/;

/** Throws BAD_ARGUMENT where the file says a needed input nowhere, BAD_RECORD where its header cannot be read. */
export function recordInputs(fields: Fields): RecordInputs {
  const bytes = fields.require(fields.hexBytes("record") ?? fields.hexBytes("hdr"), "record");
  const own = decodeHeader(bytes);
  const flags = number(fields, "flags");
  const epoch = number(fields, "epoch");
  const timeMs = number(fields, "ts", "ts_ms");
  return {
    realm: {
      tenant: fields.require(text(fields, "tenant"), "tenant"),
      epoch: epoch === undefined ? own.epoch : Number(epoch),
    },
    topic: fields.require(text(fields, "topic"), "topic"),
    producerId: fields.require(text(fields, "producer", "producerId"), "producer"),
    header: {
      suite: own.suite,
      aead: aeadOf(fields) ?? own.aead,
      padded: flags === undefined ? own.padded : (flags & FLAG_PADDED) !== 0n,
      signed: flags === undefined ? own.signed : (flags & FLAG_SIGNED) !== 0n,
      epoch: epoch === undefined ? own.epoch : Number(epoch),
      seq: number(fields, "seq") ?? own.seq,
      timeMs: timeMs === undefined ? own.timeMs : Number(timeMs),
    },
    plaintext: plaintextOf(fields),
  };
}

type Said = keyof typeof SAID;

/** By field, under either name, or else by the sentence. */
function text(fields: Fields, name: Said, alias: string = name): string | undefined {
  return (
    fields.text(name) ?? fields.text(alias) ?? SAID[name].exec(fields.text("about") ?? "")?.[1]
  );
}

function number(fields: Fields, name: Said, alias: string = name): bigint | undefined {
  const said = SAID[name].exec(fields.text("about") ?? "")?.[1];
  const field = fields.integer(name) ?? fields.integer(alias);
  return field ?? (said === undefined ? undefined : BigInt(said));
}

/** By the name of the algorithm, or by its byte in digits. */
function aeadOf(fields: Fields): AeadId | undefined {
  const said = text(fields, "aead")?.toLowerCase();
  if (said === undefined) return undefined;
  if (said === "aes-256-gcm" || said === "1") return AEAD.aes256Gcm;
  if (said === "chacha20-poly1305" || said === "2") return AEAD.chacha20Poly1305;
  throw new VeilError("BAD_ARGUMENT", `${fields.where("aead")} in the vector file is unknown`);
}

function plaintextOf(fields: Fields): Buffer | undefined {
  const said = text(fields, "plaintext");
  return said === undefined ? undefined : Buffer.from(said, HEX_BYTES.test(said) ? "hex" : "utf8");
}

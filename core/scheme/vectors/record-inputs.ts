/**
 * What a record file's one record was made from. The files say it in fields, or only in the sentence
 * under `about`; what neither says is read from the record's own header.
 */
import { VeilError } from "../../errors.ts";
import type { Realm } from "../context.ts";
import { AEAD, type AeadId, decodeHeader, type RecordHeader } from "../record/header.ts";
import type { Fields } from "./fields.ts";

/** The inputs of one record. */
export interface RecordInputs {
  readonly realm: Realm;
  readonly topic: string;
  readonly producerId: string;
  /** The header that the record should have, but for its kid. */
  readonly header: Omit<RecordHeader, "kid">;
  /**
   * What the file may mean by its plaintext: digits may be text or hexadecimal, and a sentence may end with a full stop
   * or not. `undefined` where it does not say it: the record, opened, does.
   */
  readonly plaintexts: readonly Buffer[] | undefined;
}

type Said = Partial<
  Record<
    | "tenant"
    | "epoch"
    | "topic"
    | "producer"
    | "exponent"
    | "aead"
    | "flags"
    | "seq"
    | "ts"
    | "plaintext",
    string
  >
>;

/** The sentence as record.json has it, to its end. A topic may hold anything, also what looks like the rest. */
const SENTENCE =
  /\btenant (?<tenant>[^,]+), epoch (?<epoch>[^,]+), (?:topic )?(?<topic>.+), producer (?<producer>[^,]+)(?:, public exponent (?<exponent>[^,]+))?, (?<aead>[^,]+), flags (?<flags>[^,]+), seq (?<seq>[^,]+), ts (?<ts>[^,]+), plaintext (?<plaintext>.*)$/su;

/** Parts of another sentence. */
const PARTS = [
  /\btenant (?<tenant>[a-z0-9][a-z0-9._-]*)/,
  /\bepoch (?<epoch>\d+)/,
  /\bepoch \d+, (?:topic )?(?<topic>.+), producer /s,
  /.*\bproducer (?<producer>[a-z0-9][a-z0-9._-]*)/s,
  /\bpublic exponent (?<exponent>\d+)/,
  /\b(?<aead>AES-256-GCM|ChaCha20-Poly1305)\b/i,
  /\bflags (?<flags>\d+)/,
  /\bseq (?<seq>\d+)/,
  /\bts (?<ts>\d+)/,
  /\bplaintext (?<plaintext>.*)$/s,
];
/** What the sentence of a file may go on with after the plaintext. */
const AFTER_PLAINTEXT = /\.? *Hexadecimal\.?$/;

const FLAGS = { padded: 1n, signed: 2n };
const HEX_BYTES = /^([0-9a-f]{2})+$/i;
const DECIMAL = /^\d+$/;

/** Throws BAD_ARGUMENT where the file says a needed input nowhere, BAD_RECORD where its header cannot be read. */
export function recordInputs(fields: Fields): RecordInputs {
  const bytes = fields.require(fields.hexBytes("record") ?? fields.hexBytes("hdr"), "record");
  const own = decodeHeader(bytes);
  const said = sentenceOf(fields);
  const number = (name: "epoch" | "flags" | "seq" | "ts"): bigint | undefined =>
    fields.integer(name) ?? decimal(said[name], name);
  const [flags, epoch, timeMs] = [number("flags"), number("epoch"), number("ts")];
  if (flags !== undefined && flags > (FLAGS.padded | FLAGS.signed)) throw unknown(fields, "flags");
  const realm = {
    tenant: fields.require(fields.text("tenant") ?? said.tenant, "tenant"),
    epoch: epoch === undefined ? own.epoch : Number(epoch),
  };
  return {
    realm,
    topic: fields.require(fields.text("topic") ?? said.topic, "topic"),
    producerId: fields.require(fields.text("producer") ?? said.producer, "producer"),
    header: {
      suite: own.suite,
      aead: aeadOf(fields, said) ?? own.aead,
      padded: flags === undefined ? own.padded : (flags & FLAGS.padded) !== 0n,
      signed: flags === undefined ? own.signed : (flags & FLAGS.signed) !== 0n,
      epoch: realm.epoch,
      seq: number("seq") ?? own.seq,
      timeMs: timeMs === undefined ? own.timeMs : Number(timeMs),
    },
    plaintexts: plaintextsOf(fields, said),
  };
}

/** The public exponent, by its field or by the sentence. */
export function publicExponent(fields: Fields): string | undefined {
  return fields.text("e") ?? sentenceOf(fields).exponent;
}

function sentenceOf(fields: Fields): Said {
  const about = fields.text("about") ?? "";
  const whole = SENTENCE.exec(about)?.groups;
  return whole ?? Object.assign({}, ...PARTS.map((part) => part.exec(about)?.groups));
}

function decimal(said: string | undefined, name: string): bigint | undefined {
  if (said === undefined) return undefined;
  if (!DECIMAL.test(said))
    throw new VeilError("BAD_ARGUMENT", `the ${name} under about in the vector file is no number`);
  return BigInt(said);
}

/** By the name of the algorithm, or by its byte in digits. */
function aeadOf(fields: Fields, said: Said): AeadId | undefined {
  const aead = (fields.text("aead") ?? said.aead)?.toLowerCase();
  if (aead === undefined) return undefined;
  if (aead === "aes-256-gcm" || aead === "1") return AEAD.aes256Gcm;
  if (aead === "chacha20-poly1305" || aead === "2") return AEAD.chacha20Poly1305;
  throw unknown(fields, "aead");
}

function plaintextsOf(fields: Fields, said: Said): Buffer[] | undefined {
  // Without a record there is nothing to hold it against.
  if (!fields.has("record")) return undefined;
  const field = fields.text("plaintext");
  if (field !== undefined) return readings([field]);
  if (said.plaintext === undefined) return undefined;
  const sentence = said.plaintext.replace(AFTER_PLAINTEXT, "");
  return readings([sentence, sentence.replace(/\.$/, ""), said.plaintext]);
}

function readings(texts: readonly string[]): Buffer[] {
  return texts.flatMap((text) => [
    Buffer.from(text, "utf8"),
    ...(HEX_BYTES.test(text) ? [Buffer.from(text, "hex")] : []),
  ]);
}

function unknown(fields: Fields, name: string): VeilError {
  return new VeilError("BAD_ARGUMENT", `${fields.where(name)} in the vector file is unknown`);
}

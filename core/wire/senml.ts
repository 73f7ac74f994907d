/** SenML packs as JSON (RFC 8428): the plaintext of every record (PROTOCOL.md §3). */
import { z } from "zod";
import { parseJson } from "./fields.ts";

const MS_PER_SECOND = 1000;
const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const NAME = /^[A-Za-z0-9][A-Za-z0-9\-:./_]*$/;
const MAX_NAME = 255;
const UNIT = /^[!-~]+$/;

/** RFC 8428 §4.5.1: a name, or a part of one. */
export const senmlNameField = z
  .string()
  .min(1)
  .max(MAX_NAME)
  .regex(NAME, "must be letters, digits and - : . / _");

/** A unit of the IANA SenML registry, such as `Cel`, `%RH`, `Pa`; the registry grows, so only the form is checked. */
export const senmlUnitField = z
  .string()
  .max(32)
  .regex(UNIT, "must be printable ASCII without spaces");

const recordSchema = z
  .strictObject({
    /** Base name, base time (seconds since 1970) and base unit hold for this record and those after it. */
    bn: z.string().max(255).optional(),
    bt: z.number().optional(),
    bu: z.string().max(32).optional(),
    bver: z.int().positive().optional(),
    n: senmlNameField.optional(),
    u: senmlUnitField.optional(),
    /** Exactly one of these holds the value; only with a sum `s` it may be missing. */
    v: z.number().optional(),
    vs: z.string().max(60_000).optional(),
    vb: z.boolean().optional(),
    vd: z.string().max(60_000).optional(),
    s: z.number().optional(),
    /** Seconds, relative to the base time. */
    t: z.number().optional(),
    ut: z.number().optional(),
    /** Ours, in the first record: see clock.ts. */
    boot: z.string().max(64).optional(),
    mono: z.number().min(0).optional(),
    unsynced: z.literal(true).optional(),
  })
  .refine(({ v, vs, vb, vd, s }) => {
    const values = [v, vs, vb, vd].filter((value) => value !== undefined).length;
    return values === 1 || (values === 0 && s !== undefined);
  }, "must have exactly one value");
export type SenmlRecord = z.output<typeof recordSchema>;

/** A pack has at least one record. */
export const senmlPackSchema = z.array(recordSchema).min(1);
export type SenmlPack = z.output<typeof senmlPackSchema>;

/** A pack, and how it was written. */
export interface WrittenPack {
  readonly pack: SenmlPack;
  /** Its JSON as it came, where that is one line and says the same to every reader; else `undefined`. */
  readonly json: string | undefined;
}

/**
 * A pack from its JSON. Throws BAD_ARGUMENT naming the fields. What a device sends every day is judged by hand, which
 * takes a consumer a tenth of the schema's time; the schema judges all else and words every refusal.
 */
export function parsePack(bytes: Buffer): WrittenPack {
  const text = bytes.toString("utf8");
  const value = tryParse(text);
  if (!isPlainPack(value)) return { pack: parseJson(text, senmlPackSchema), json: undefined };
  return { pack: value, json: quotesIn(bytes) === quotesOf(value) ? text : undefined };
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Never says yes where the schema says no; it may say no to the seldom. */
function isPlainPack(value: unknown): value is SenmlPack {
  return Array.isArray(value) && value.length > 0 && value.every(isPlainRecord);
}

function isPlainRecord(record: unknown): boolean {
  if (typeof record !== "object" || record === null || Array.isArray(record)) return false;
  let values = 0;
  for (const field of Object.keys(record)) {
    const judge = PLAIN.get(field);
    if (!judge?.(Reflect.get(record, field))) return false;
    if (field === "v" || field === "vs" || field === "vb") values += 1;
  }
  return values === 1;
}

/**
 * The quotes in JSON; -1 where it has line breaks or escapes. More of them than {@link quotesOf} its value: a field is
 * there twice, of which this reader took the last and another may take the first.
 */
function quotesIn(bytes: Buffer): number {
  let quotes = 0;
  for (const byte of bytes) {
    if (byte === QUOTE) quotes += 1;
    else if (byte < SPACE || byte === BACKSLASH) return -1;
  }
  return quotes;
}

/** The quotes that a pack needs: two for each field, two for each text. */
function quotesOf(pack: SenmlPack): number {
  let quotes = 0;
  for (const record of pack)
    for (const value of Object.values(record)) quotes += typeof value === "string" ? 4 : 2;
  return quotes;
}

const isNumber = Number.isFinite;
const isText =
  (max: number) =>
  (value: unknown): boolean =>
    typeof value === "string" && value.length <= max;

/** The fields that readings have, clock.ts's among them. */
const PLAIN: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ["bn", isText(255)],
  ["bt", isNumber],
  ["n", (value) => typeof value === "string" && isSenmlName(value)],
  ["u", (value) => typeof value === "string" && value.length <= 32 && UNIT.test(value)],
  ["v", isNumber],
  ["vs", isText(60_000)],
  ["vb", (value) => typeof value === "boolean"],
  ["t", isNumber],
  ["boot", isText(64)],
  ["mono", (value) => typeof value === "number" && Number.isFinite(value) && value >= 0],
  ["unsynced", (value) => value === true],
]);

/** Whether `text` may be a record's name. Without the schema, since a device asks it of every value. */
export function isSenmlName(text: string): boolean {
  return text.length <= MAX_NAME && NAME.test(text);
}

/**
 * The nearest name that may be a record's: what may not be in one becomes `_`, what may not begin one is
 * left out. Null if nothing remains.
 */
export function toSenmlName(text: string): string | null {
  const name = text.replace(/[^A-Za-z0-9\-:./_]/gu, "_").replace(/^[^A-Za-z0-9]+/, "");
  return isSenmlName(name) ? name : null;
}

/** One named value, as `v`, `vs` or `vb` by its type. A number must be finite: JSON has no other. */
export function senmlRecordOf(
  name: string,
  value: number | string | boolean,
  unit?: string,
): SenmlRecord {
  const named = unit === undefined ? { n: name } : { n: name, u: unit };
  if (typeof value === "string") return { ...named, vs: value };
  return typeof value === "boolean" ? { ...named, vb: value } : { ...named, v: value };
}

/** The pack of one reading, taken at `timeMs` (since 1970): base time in its first record, no base name. */
export function senmlPackOf(records: readonly SenmlRecord[], timeMs: number): SenmlPack {
  return records.map((record, i) => (i === 0 ? { bt: timeMs / MS_PER_SECOND, ...record } : record));
}

/** SenML packs as JSON (RFC 8428): the plaintext of every record (PROTOCOL.md §3). */
import { z } from "zod";

const MS_PER_SECOND = 1000;

/** RFC 8428 §4.5.1: a name, or a part of one. */
export const senmlNameField = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[A-Za-z0-9][A-Za-z0-9\-:./_]*$/, "must be letters, digits and - : . / _");

/** A unit of the IANA SenML registry, such as `Cel`, `%RH`, `Pa`; the registry grows, so only the form is checked. */
export const senmlUnitField = z
  .string()
  .max(32)
  .regex(/^[!-~]+$/, "must be printable ASCII without spaces");

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

/** Whether `text` may be a record's name. */
export function isSenmlName(text: string): boolean {
  return senmlNameField.safeParse(text).success;
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

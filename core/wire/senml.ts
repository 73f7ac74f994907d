/** SenML packs as JSON (RFC 8428): the plaintext of every record. */
import { z } from "zod";

/** RFC 8428 §4.5.1: a name, or a part of one. */
const nameField = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[A-Za-z0-9][A-Za-z0-9\-:./_]*$/, "must be letters, digits and - : . / _");

const recordSchema = z.strictObject({
  /** Base name, base time (seconds since 1970) and base unit hold for this record and those after it. */
  bn: z.string().max(255).optional(),
  bt: z.number().optional(),
  bu: z.string().max(32).optional(),
  bver: z.int().positive().optional(),
  n: nameField.optional(),
  /** A unit of the IANA SenML registry. */
  u: z.string().max(32).optional(),
  /** Exactly one of these holds the value. */
  v: z.number().optional(),
  vs: z.string().max(60_000).optional(),
  vb: z.boolean().optional(),
  vd: z.string().max(60_000).optional(),
  s: z.number().optional(),
  /** Seconds, relative to the base time. */
  t: z.number().optional(),
  ut: z.number().optional(),
});
export type SenmlRecord = z.output<typeof recordSchema>;

/** A pack has at least one record. */
export const senmlPackSchema = z.array(recordSchema).min(1);
export type SenmlPack = z.output<typeof senmlPackSchema>;

/** Whether `text` may be a record's name. */
export function isSenmlName(text: string): boolean {
  return nameField.safeParse(text).success;
}

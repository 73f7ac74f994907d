/** A frame that is a JSON object, in UTF-8: all its plain members, or those that the profile lists. */
import { z } from "zod";
import { type SenmlRecord, toSenmlName } from "../../../core/wire/senml.ts";
import type { Decoder } from "./decoder.ts";
import { fieldBasics, recordOf, scaled, scaling } from "./field.ts";

const fieldSchema = z.strictObject({
  path: z
    .string()
    .regex(/^[^.]+(\.[^.]+)*$/, "must be member names with dots between them")
    .meta({
      description:
        "Member names from the outside in, with dots; a number picks from a list: sensors.0.temperature",
    }),
  ...fieldBasics,
  ...scaling,
});

export const jsonDecoding = z
  .strictObject({
    type: z.literal("json"),
    fields: z.union([z.literal("all"), z.array(fieldSchema).min(1)]).meta({
      description: "`all`: every number, text and truth at the top, under its own name",
    }),
  })
  .meta({ description: "A JSON object" });
export type JsonDecoding = z.output<typeof jsonDecoding>;
type Field = z.output<typeof fieldSchema>;

type Plain = number | string | boolean;

/** Objects without a usable member, numbers beyond double precision, and anything else are no readings. */
export function jsonDecoder({ fields }: JsonDecoding): Decoder {
  return (frame) => {
    const root = parseObject(frame);
    if (root === null) return null;
    const records: SenmlRecord[] = [];
    for (const { field, value } of fields === "all" ? topMembers(root) : listed(root, fields)) {
      const number = typeof value === "number" ? scaled(value, field) : value;
      const record = recordOf(field, number);
      if (record === null) return null;
      records.push(record);
    }
    return records.length > 0 ? records : null;
  };
}

interface Found {
  readonly field: Omit<Field, "path">;
  readonly value: Plain;
}

function* topMembers(root: object): Generator<Found> {
  for (const [key, value] of Object.entries(root)) {
    const name = toSenmlName(key);
    if (name !== null && isPlain(value)) yield { field: { name, scale: 1, plus: 0 }, value };
  }
}

function* listed(root: object, fields: readonly Field[]): Generator<Found> {
  for (const field of fields) {
    const value = field.path.split(".").reduce<unknown>(member, root);
    if (isPlain(value)) yield { field, value };
  }
}

/** What `parent` has under `key` itself; undefined otherwise, also for what objects inherit. */
function member(parent: unknown, key: string): unknown {
  if (typeof parent !== "object" || parent === null || !Object.hasOwn(parent, key))
    return undefined;
  return new Map(Object.entries(parent)).get(key);
}

/** The object that a line is, or that follows noise in it. */
function parseObject(line: Buffer): object | null {
  return parse(line) ?? parse(behindNoise(line));
}

function parse(bytes: Buffer): object | null {
  try {
    const value: unknown = JSON.parse(UTF8.decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/**
 * From the first brace behind the last byte that no text has. A part of a broken object cannot pass for a whole one:
 * the ends of what it lay in follow it.
 */
function behindNoise(line: Buffer): Buffer {
  const text = LENIENT_UTF8.decode(line);
  const noiseEnd = Array.from(text).findLastIndex((character) => NOISE.test(character));
  if (noiseEnd < 0) return Buffer.alloc(0);
  const rest = Array.from(text)
    .slice(noiseEnd + 1)
    .join("");
  const brace = rest.indexOf("{");
  return Buffer.from(brace < 0 ? "" : rest.slice(brace));
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });
const LENIENT_UTF8 = new TextDecoder("utf-8");
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const NOISE = /[\u0000-\u0008\u000b-\u001f\u007f\ufffd]/;

function isPlain(value: unknown): value is Plain {
  return ["number", "string", "boolean"].includes(typeof value);
}

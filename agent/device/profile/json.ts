/** A frame that is a JSON object, in UTF-8: all its plain members, or those that the profile lists. */
import { z } from "zod";
import {
  type SenmlRecord,
  senmlNameField,
  senmlRecordOf,
  senmlUnitField,
  toSenmlName,
} from "../../../core/wire/senml.ts";
import type { Decoder } from "./decoder.ts";

const fieldSchema = z.strictObject({
  /** Member names from the outside in, with dots; a number picks from a list: `sensors.0.temperature`. */
  path: z.string().regex(/^[^.]+(\.[^.]+)*$/, "must be member names with dots between them"),
  name: senmlNameField,
  unit: senmlUnitField.optional(),
});

export const jsonDecoding = z.strictObject({
  type: z.literal("json"),
  /** `all`: every number, text and truth at the top, under its own name. */
  fields: z.union([z.literal("all"), z.array(fieldSchema).min(1)]),
});
export type JsonDecoding = z.infer<typeof jsonDecoding>;

type Plain = number | string | boolean;

/** Objects without a usable member, numbers beyond double precision, and anything else are no readings. */
export function jsonDecoder({ fields }: JsonDecoding): Decoder {
  const utf8 = new TextDecoder("utf-8", { fatal: true });
  return (frame) => {
    const root = parseObject(utf8, frame);
    if (root === null) return null;
    const records: SenmlRecord[] = [];
    for (const { name, value, unit } of fields === "all"
      ? topMembers(root)
      : listed(root, fields)) {
      if (typeof value === "number" && !Number.isFinite(value)) return null;
      records.push(senmlRecordOf(name, value, unit));
    }
    return records.length > 0 ? records : null;
  };
}

interface Named {
  readonly name: string;
  readonly value: Plain;
  readonly unit?: string | undefined;
}

function* topMembers(root: object): Generator<Named> {
  for (const [key, value] of Object.entries(root)) {
    const name = toSenmlName(key);
    if (name !== null && isPlain(value)) yield { name, value };
  }
}

function* listed(root: object, fields: Exclude<JsonDecoding["fields"], "all">): Generator<Named> {
  for (const { path, name, unit } of fields) {
    const value = path.split(".").reduce<unknown>(member, root);
    if (isPlain(value)) yield { name, value, unit };
  }
}

/** What `parent` has under `key` itself; undefined otherwise, also for what objects inherit. */
function member(parent: unknown, key: string): unknown {
  if (typeof parent !== "object" || parent === null || !Object.hasOwn(parent, key))
    return undefined;
  return new Map(Object.entries(parent)).get(key);
}

function parseObject(utf8: InstanceType<typeof TextDecoder>, frame: Buffer): object | null {
  try {
    const value: unknown = JSON.parse(utf8.decode(frame));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function isPlain(value: unknown): value is Plain {
  return ["number", "string", "boolean"].includes(typeof value);
}

/** A frame that is a JSON object, in UTF-8: all its plain members, or those that the profile lists. */
import { z } from "zod";
import { type SenmlRecord, toSenmlName } from "../../../core/wire/senml.ts";
import type { Part } from "../framing/framer.ts";
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

/** The object that a line is, or the only one that is whole in it. */
function parseObject(line: Buffer): object | null {
  const whole = parse(line);
  if (whole) return whole;
  const [part, ...more] = objectsIn(line);
  return part && more.length === 0 ? parse(line.subarray(part.from, part.to)) : null;
}

function parse(bytes: Buffer): object | null {
  try {
    const value: unknown = JSON.parse(UTF8.decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** A line with more beginnings of objects than this is noise; each is looked at up to the line's end. */
const MAX_BEGINNINGS = 64;
const [OPEN, CLOSE, QUOTE, ESCAPE] = Buffer.from('{}"\\');

/**
 * The objects that are whole in a line: behind noise, behind one that was cut, or one behind the other. A part of a broken
 * object does not pass for a whole one: what it lay in shows in front of it or behind it.
 */
export function objectsIn(line: Buffer): Part[] {
  const text = line.toString("latin1");
  const parts: Part[] = [];
  let beginnings = 0;
  for (let from = beginningIn(text, 0); from >= 0; ) {
    if (++beginnings > MAX_BEGINNINGS) return [];
    const to = endOfObject(line, from);
    const isWhole =
      to !== null &&
      standsAlone(text, parts.at(-1)?.to ?? 0, { from, to }) &&
      parse(line.subarray(from, to));
    if (isWhole) parts.push({ from, to });
    from = beginningIn(text, isWhole ? to : from + 1);
  }
  return parts;
}

/** Where an object begins, from `from` on; -1 if none does. An empty one is no reading. */
function beginningIn(text: string, from: number): number {
  const at = text.slice(from).search(/\{\s*"/);
  return at < 0 ? at : from + at;
}

/** Behind the brace that closes the one at `from`; null if none does. */
function endOfObject(line: Buffer, from: number): number | null {
  let depth = 0;
  let isText = false;
  for (let at = from; at < line.length; at++) {
    const byte = line[at];
    if (isText && byte === ESCAPE) at++;
    else if (byte === QUOTE) isText = !isText;
    else if (!isText && byte === OPEN) depth++;
    else if (!isText && byte === CLOSE && --depth === 0) return at + 1;
  }
  return null;
}

/** What stands in front of an object that lies in another, or in a list: a name, the list's beginning, what is in front. */
const INNER = /(?:"\s*:|[:,[]\s*\[|[}\]"\de]\s*,)\s*$/;
/** What stands behind it: more of the same, or the ends of what it lies in. */
const CONTINUED = /^\s*(?:,\s*(?:["{[\d-]|$)|[\]}][\]}\s]*(?:,|$))/;

/** Whether neither what is in front of an object, from `since` on, nor what is behind it says that it lay in another. */
function standsAlone(text: string, since: number, { from, to }: Part): boolean {
  const before = text.slice(since, from);
  const isInner = before.includes("{") && INNER.test(before);
  return !isInner && !CONTINUED.test(text.slice(to));
}

function isPlain(value: unknown): value is Plain {
  return ["number", "string", "boolean"].includes(typeof value);
}

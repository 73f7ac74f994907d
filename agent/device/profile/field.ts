/** What the fields of all decodings have in common: a name, a unit, and how a raw number becomes a value. */
import { z } from "zod";
import { type SenmlRecord, senmlNameField, senmlRecordOf } from "../../../core/wire/senml.ts";
import { unitField } from "./units.ts";

/** What a double keeps of a decimal fraction: rounding to it takes out what scaling brought in (3 · 0.1). */
const DOUBLE_DIGITS = 15;

/** For every field of a decoding. */
export const fieldBasics = {
  name: senmlNameField.meta({ description: "The value's name in the SenML record" }),
  unit: unitField.optional(),
};

/** For fields that are numbers: value = raw · scale + plus. */
export const scaling = {
  scale: z.number().default(1).meta({ description: "value = raw · scale + plus" }),
  plus: z.number().default(0),
};

export interface Scaling {
  readonly scale: number;
  readonly plus: number;
}

export interface NamedField {
  readonly name: string;
  readonly unit?: string | undefined;
}

/** `raw` as the profile scales it, to at most `digits` significant digits where it does. */
export function scaled(raw: number, { scale, plus }: Scaling, digits = DOUBLE_DIGITS): number {
  if (scale === 1 && plus === 0) return raw;
  return Number((raw * scale + plus).toPrecision(digits));
}

/** The record of a field; null where a number is not finite: JSON has no such, and no quantity is. */
export function recordOf(
  { name, unit }: NamedField,
  value: number | string | boolean,
): SenmlRecord | null {
  if (typeof value === "number" && !Number.isFinite(value)) return null;
  // A negative zero is 0 in JSON, and would not be equal to it here.
  return senmlRecordOf(name, value === 0 ? 0 : value, unit);
}

/** A number as devices print it, spaces around it allowed. No hexadecimal, no infinity, no digits of other scripts. */
const NUMBER = /^[ \t]*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[ \t]*$/;

/** The number that `text` is; null if it is none, or beyond what a double holds. */
export function parseNumber(text: string): number | null {
  const value = NUMBER.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : null;
}

/** A frame as text without control characters; null if it is anything else, such as noise. */
export function textOf(frame: Buffer): string | null {
  try {
    const text = UTF8.decode(frame);
    return CONTROL.test(text) ? null : text;
  } catch {
    return null;
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for; a tab may separate columns.
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/;

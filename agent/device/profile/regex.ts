/**
 * A line taken apart by a regular expression with named groups. The engine is RE2's: its time grows with the
 * line's length for every expression, so that no profile and no device can stop the agent (docs/decisions/008-framings-of-our-own.md).
 */
import type { RE2JS } from "re2js";
import { z } from "zod";
import { VeilError } from "../../../core/errors.ts";
import { type SenmlRecord, senmlNameField } from "../../../core/wire/senml.ts";
import type { Decoder } from "./decoder.ts";
import { parseNumber, recordOf, scaled, scaling, textOf } from "./field.ts";
import { unitField } from "./units.ts";

const MAX_PATTERN = 1000;

let engine: typeof RE2JS | undefined;

/** Before anything here is used: the engine takes 4 MiB, which agents without regular expressions are spared. */
export async function loadRegexEngine(): Promise<void> {
  engine ??= (await import("re2js")).RE2JS;
}

function compile(pattern: string): RE2JS {
  if (!engine) throw new VeilError("INTERNAL", "the regular expressions' engine is not loaded");
  return engine.compile(pattern);
}

const fieldSchema = z.strictObject({
  name: senmlNameField
    .optional()
    .meta({ description: "The value's name, where it is not the group's" }),
  unit: unitField.optional(),
  text: z.boolean().default(false).meta({ description: "A text rather than a number" }),
  ...scaling,
});

export const regexDecoding = z
  .strictObject({
    type: z.literal("regex"),
    pattern: z.string().min(1).max(MAX_PATTERN).superRefine(checkPattern).meta({
      description:
        "RE2 syntax (no look-around, no back-references), for the whole line; a value for each group (?<name>…)",
    }),
    fields: z
      .record(z.string(), fieldSchema)
      .default({})
      .meta({ description: "By the group's name, where it is not just a number without a unit" }),
  })
  .superRefine(({ pattern, fields }, context) => {
    const groups = groupsOf(pattern);
    for (const name of Object.keys(fields))
      if (!groups.includes(name))
        context.addIssue({
          code: "custom",
          path: ["fields", name],
          message: "is no group of the pattern",
        });
  })
  .meta({ description: "Named groups of a regular expression" });
export type RegexDecoding = z.output<typeof regexDecoding>;

const PLAIN = { text: false, scale: 1, plus: 0 } as const;

/** A line that does not match as a whole is no reading, nor is one with a group that should be a number and is none. */
export function regexDecoder({ pattern, fields }: RegexDecoding): Decoder {
  const expression = compile(pattern);
  const groups = groupsOf(pattern).map((group) => {
    const field = fields[group] ?? PLAIN;
    return { group, field: { ...field, name: ("name" in field && field.name) || group } };
  });
  return (frame) => {
    const text = textOf(frame);
    const match = text === null ? null : expression.matcher(text);
    if (!match?.matches()) return null;
    const records: SenmlRecord[] = [];
    for (const { group, field } of groups) {
      const part = match.group(group);
      if (part === null || part === undefined) continue;
      const number = field.text ? null : parseNumber(part);
      if (number === null && !field.text) return null;
      const record = recordOf(field, number === null ? part : scaled(number, field));
      if (record === null) return null;
      records.push(record);
    }
    return records.length > 0 ? records : null;
  };
}

/** The names that the values of `decoding` will have. */
export function regexNames({ pattern, fields }: RegexDecoding): string[] {
  return groupsOf(pattern).map((group) => fields[group]?.name ?? group);
}

function groupsOf(pattern: string): string[] {
  try {
    return Object.keys(compile(pattern).namedGroups());
  } catch {
    return [];
  }
}

function checkPattern(pattern: string, context: z.core.$RefinementCtx): void {
  try {
    compile(pattern);
  } catch (error) {
    const why = error instanceof Error ? error.message : "it does not compile";
    context.addIssue({ code: "custom", message: `is no regular expression of RE2: ${why}` });
    return;
  }
  const groups = groupsOf(pattern);
  if (groups.length === 0)
    context.addIssue({
      code: "custom",
      message: "needs a named group, such as (?<temperature>\\d+)",
    });
}

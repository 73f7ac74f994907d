/** Numbers at fixed places of a frame. */
import { z } from "zod";
import type { SenmlRecord } from "../../../core/wire/senml.ts";
import type { Decoder } from "./decoder.ts";
import { fieldBasics, recordOf, scaled, scaling } from "./field.ts";
import { NUMBER_TYPES, numberBytes, numberDigits, readNumber } from "./number-type.ts";

const fieldSchema = z.strictObject({
  offset: z.int().min(0).max(65_535).meta({ description: "From the frame's first byte" }),
  type: z.enum(NUMBER_TYPES),
  endian: z.enum(["big", "little"]).default("big").meta({ description: "Which byte comes first" }),
  mask: z
    .int()
    .min(1)
    .max(0xffff_ffff)
    .optional()
    .meta({ description: "Only these bits, moved to the right end" }),
  none: z
    .int()
    .optional()
    .meta({ description: "The raw number with which the device says that it has no value" }),
  ...fieldBasics,
  ...scaling,
});
type Field = z.output<typeof fieldSchema>;

export const binaryDecoding = z
  .strictObject({
    type: z.literal("binary"),
    length: z
      .int()
      .min(1)
      .max(65_536)
      .optional()
      .meta({ description: "How long a frame must be, where the framing does not say" }),
    fields: z.array(fieldSchema).min(1),
  })
  .superRefine(({ fields }, context) => {
    for (const [i, { type, mask }] of fields.entries())
      if (mask !== undefined && !["u8", "u16", "u24", "u32"].includes(type))
        context.addIssue({
          code: "custom",
          path: ["fields", i, "mask"],
          message: "needs u8 to u32",
        });
  })
  .meta({ description: "Numbers at fixed places of a frame" });
export type BinaryDecoding = z.output<typeof binaryDecoding>;

/** A frame that is shorter than a field's end is no reading. */
export function binaryDecoder({ length, fields }: BinaryDecoding): Decoder {
  const needed = Math.max(...fields.map(({ offset, type }) => offset + numberBytes(type)));
  return (frame) => {
    if (frame.length < needed || (length !== undefined && frame.length !== length)) return null;
    const records = fields
      .map((field) => readField(frame, field))
      .filter((record): record is SenmlRecord => record !== null);
    return records.length > 0 ? records : null;
  };
}

/** null where there is no value: the device says so, or it is not a number. */
function readField(frame: Buffer, field: Field): SenmlRecord | null {
  const raw = masked(readNumber(frame, field.offset, field.type, field.endian), field.mask);
  if (raw === field.none) return null;
  return recordOf(field, scaled(raw, field, numberDigits(field.type)));
}

function masked(raw: number, mask: number | undefined): number {
  if (mask === undefined) return raw;
  const lowest = mask & -mask;
  return ((raw & mask) >>> 0) / (lowest >>> 0);
}

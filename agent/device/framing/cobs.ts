/**
 * COBS (Cheshire and Baker, "Consistent overhead byte stuffing", 1999): frames hold no zero and end with one.
 * Each group begins with its length; where that is below 255 a zero was taken out behind it.
 */
import { z } from "zod";
import { DelimitedFramer } from "./delimited.ts";
import type { OnDrop } from "./framer.ts";
import { guardSchema, unguard } from "./guard.ts";
import { skipFirstField } from "./lines.ts";
import type { EscapedOptions } from "./slip.ts";

/** A group of this length has no zero behind it. */
const FULL_GROUP = 255;

export const cobsFraming = z
  .strictObject({
    type: z.literal("cobs"),
    maxBytes: z
      .int()
      .min(1)
      .max(65_536)
      .default(1024)
      .meta({ description: "The longest frame, decoded" }),
    checksum: guardSchema.optional(),
    skipFirst: skipFirstField,
  })
  .meta({ description: "Consistent overhead byte stuffing, frames ended by a zero" });

export class CobsFramer extends DelimitedFramer {
  constructor({ maxBytes, checksum, skipFirst }: EscapedOptions, onDrop?: OnDrop | undefined) {
    super({
      delimiter: 0,
      maxBytes: maxBytes + Math.ceil(maxBytes / (FULL_GROUP - 1)) + 1,
      decode: (raw) => {
        const bytes = decodeCobs(raw);
        return bytes === null || bytes.length > maxBytes ? null : unguard(bytes, checksum);
      },
      skipFirst,
      onDrop,
    });
  }
}

/** The content of `raw`, which holds no zero; null where a group is longer than what is there. */
function decodeCobs(raw: Buffer): Buffer | null {
  const bytes = Buffer.alloc(raw.length);
  let length = 0;
  for (let at = 0; at < raw.length; ) {
    const group = raw[at] ?? 0;
    const end = at + group;
    if (end > raw.length) return null;
    length += raw.copy(bytes, length, at + 1, end);
    at = end;
    // The zero behind the last group is the delimiter itself.
    if (group < FULL_GROUP && at < raw.length) bytes[length++] = 0;
  }
  return bytes.subarray(0, length);
}

/** Lines, ended by \n or \r\n: see delimited.ts. Blank lines are nothing. */
import { z } from "zod";
import { DelimitedFramer } from "./delimited.ts";
import type { FramerOptions } from "./framer.ts";

const NEWLINE = 0x0a;
const RETURN = 0x0d;

const DEFAULT_BYTES = 4096;

export const skipFirstField = z.boolean().default(false).meta({
  description:
    "Drop what comes first on a new connection: it may be the rest of a frame that still decodes",
});

export const lineFraming = z
  .strictObject({
    type: z.literal("lines"),
    maxBytes: z
      .int()
      .min(1)
      .max(65_536)
      .default(DEFAULT_BYTES)
      .meta({ description: "The longest line, without its end" }),
    skipFirst: skipFirstField,
  })
  .meta({ description: "Text, a line at a time" });

export class LineFramer extends DelimitedFramer {
  constructor(
    options: { maxBytes?: number; skipFirst?: boolean } = {},
    { partsOf, onDrop }: FramerOptions = {},
  ) {
    const { maxBytes = DEFAULT_BYTES, skipFirst } = options;
    super({
      delimiter: NEWLINE,
      // A line of `maxBytes` may have a \r behind it.
      maxBytes: maxBytes + 1,
      decode: (raw) => {
        const line = raw.at(-1) === RETURN ? raw.subarray(0, -1) : raw;
        return line.length > maxBytes ? null : Buffer.from(line);
      },
      skipFirst,
      partsOf,
      onDrop,
    });
  }
}

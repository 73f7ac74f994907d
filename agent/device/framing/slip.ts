/**
 * SLIP (RFC 1055): frames end with END; END and ESC inside of them are escaped. Senders that put an END in
 * front too are understood, since nothing between two ENDs is nothing.
 */
import { z } from "zod";
import { DelimitedFramer } from "./delimited.ts";
import type { OnDrop } from "./framer.ts";
import { type Guard, guardSchema, unguard } from "./guard.ts";
import { skipFirstField } from "./lines.ts";

const END = 0xc0;
const ESCAPE = 0xdb;
const ESCAPED_END = 0xdc;
const ESCAPED_ESCAPE = 0xdd;

export const slipFraming = z
  .strictObject({
    type: z.literal("slip"),
    maxBytes: z
      .int()
      .min(1)
      .max(65_536)
      .default(1024)
      .meta({ description: "The longest frame, unescaped" }),
    checksum: guardSchema.optional(),
    skipFirst: skipFirstField,
  })
  .meta({ description: "SLIP (RFC 1055)" });

export interface EscapedOptions {
  readonly maxBytes: number;
  readonly checksum?: Guard | undefined;
  readonly skipFirst?: boolean | undefined;
}

export class SlipFramer extends DelimitedFramer {
  constructor({ maxBytes, checksum, skipFirst }: EscapedOptions, onDrop?: OnDrop | undefined) {
    super({
      delimiter: END,
      // Every byte may be escaped.
      maxBytes: 2 * maxBytes,
      decode: (raw) => {
        const bytes = decodeSlip(raw);
        return bytes === null || bytes.length > maxBytes ? null : unguard(bytes, checksum);
      },
      skipFirst,
      onDrop,
    });
  }
}

/** What lies between two ENDs, unescaped; null where ESC is followed by anything but its two. */
function decodeSlip(raw: Buffer): Buffer | null {
  const bytes = Buffer.alloc(raw.length);
  let length = 0;
  for (let at = 0; at < raw.length; at++) {
    let byte = raw[at] ?? 0;
    if (byte === ESCAPE) {
      at++;
      if (raw[at] === ESCAPED_END) byte = END;
      else if (raw[at] !== ESCAPED_ESCAPE) return null;
    }
    bytes[length++] = byte;
  }
  return bytes.subarray(0, length);
}

/**
 * NMEA 0183 sentences: `$`, printable ASCII, `*` and the exclusive or of what lies between, in two hexadecimal digits. A
 * right checksum is the end, whatever became of the line's behind it. A `$` in the middle begins anew:
 * what was cut off by it is dropped. Sentences without a checksum are refused.
 */
import { z } from "zod";
import { checksumOf } from "./checksum.ts";
import type { OnDrop } from "./framer.ts";
import { ScanFramer, type Sight } from "./scanner.ts";

const DOLLAR = 0x24;
/** Begins encapsulated sentences, such as those of AIS. */
const BANG = 0x21;
const STAR = 0x2a;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const FIRST_PRINTABLE = 0x20;
const LAST_PRINTABLE = 0x7e;
const CHECKSUM_DIGITS = 2;

/** The standard allows 82; receivers with many satellites and their makers' own sentences go beyond. */
const DEFAULT_BYTES = 256;

export const nmeaFraming = z
  .strictObject({
    type: z.literal("nmea"),
    maxBytes: z
      .int()
      .min(16)
      .max(1024)
      .default(DEFAULT_BYTES)
      .meta({ description: "The longest sentence, from `$` to its checksum" }),
  })
  .meta({ description: "NMEA 0183 sentences with a checksum" });

/** A frame is what lies between `$` and `*`. */
export class NmeaFramer extends ScanFramer {
  constructor(options: { maxBytes?: number } = {}, onDrop?: OnDrop | undefined) {
    const maxBytes = options.maxBytes ?? DEFAULT_BYTES;
    super({
      maxBytes,
      look: (window, at) => look(window, at, maxBytes),
      onDrop,
    });
  }
}

function look(window: Buffer, at: number, maxBytes: number): Sight {
  const first = window[at];
  if (first === NEWLINE || first === RETURN) return { size: 1, bytes: null };
  if (first !== DOLLAR && first !== BANG) return "noise";
  const last = Math.min(window.length, at + maxBytes - CHECKSUM_DIGITS);
  for (let i = at + 1; i < last; i++) {
    const byte = window[i] ?? 0;
    if (byte === STAR) return lookForChecksum(window, at, i);
    const isText = byte >= FIRST_PRINTABLE && byte <= LAST_PRINTABLE;
    if (!isText || byte === DOLLAR || byte === BANG) return "damaged";
  }
  return window.length - at < maxBytes ? "more" : "damaged";
}

function lookForChecksum(window: Buffer, at: number, star: number): Sight {
  const end = star + 1 + CHECKSUM_DIGITS;
  const digits = window.toString("latin1", star + 1, end);
  if (!/^[0-9A-Fa-f]*$/.test(digits)) return "damaged";
  if (digits.length < CHECKSUM_DIGITS) return "more";
  if (Number.parseInt(digits, 16) !== checksumOf("xor8", window, at + 1, star)) return "damaged";
  return { size: end - at, bytes: Buffer.from(window.subarray(at + 1, star)) };
}

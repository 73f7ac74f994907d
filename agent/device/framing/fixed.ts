/** Frames of one length, known by the bytes that they begin with and, where there is one, their checksum. */
import { z } from "zod";
import { checksumWidth } from "./checksum.ts";
import type { OnDrop } from "./framer.ts";
import { isGuarded, placedGuardSchema } from "./guard.ts";
import { hexField } from "./hex.ts";
import { firstOf, lookFor, ScanFramer, type Sight } from "./scanner.ts";

export const fixedFraming = z
  .strictObject({
    type: z.literal("fixed"),
    header: hexField.meta({
      description: 'The bytes that every frame begins with, in hexadecimal: "42 4d"',
    }),
    length: z.int().min(2).max(1024).meta({ description: "Bytes in a frame, all counted" }),
    trailer: hexField
      .optional()
      .meta({ description: "The bytes that every frame ends with, in hexadecimal" }),
    checksum: placedGuardSchema.optional(),
  })
  .superRefine(({ header, length, trailer, checksum }, context) => {
    const tooLong = (path: string[], message: string): void =>
      context.addIssue({ code: "custom", path, message });
    if (header.length + (trailer?.length ?? 0) > length)
      tooLong(["length"], "is shorter than header and trailer");
    if (!checksum) return;
    if (checksum.at + checksumWidth(checksum.type) > length)
      tooLong(["checksum", "at"], "lies behind the frame's end");
    if (checksum.to > length) tooLong(["checksum", "to"], "lies behind the frame's end");
    if (checksum.from >= checksum.to) tooLong(["checksum", "from"], "leaves nothing before `to`");
  })
  .meta({ description: "Frames of one length with a header" });
export type FixedFraming = z.output<typeof fixedFraming>;

export class FixedFramer extends ScanFramer {
  /** `requests` on the line are known and passed over; they are not noise. */
  constructor(
    framing: Omit<FixedFraming, "type">,
    requests: readonly Buffer[] = [],
    onDrop?: OnDrop | undefined,
  ) {
    const longest = Math.max(framing.length, ...requests.map(({ length }) => length));
    super({
      maxBytes: longest,
      look: (window, at) =>
        firstOf(
          lookForFrame(framing, window, at),
          ...requests.map((request) => lookFor(request, window, at)),
        ),
      onDrop,
    });
  }
}

function lookForFrame(
  { header, length, trailer, checksum }: Omit<FixedFraming, "type">,
  window: Buffer,
  at: number,
): Sight {
  const begun = lookFor(header, window, at);
  if (typeof begun !== "object") return begun;
  const end = at + length;
  if (end > window.length) return "more";
  if (trailer && lookFor(trailer, window, end - trailer.length) === "noise") return "damaged";
  if (checksum && !isGuarded(window, at, checksum)) return "damaged";
  return { size: length, bytes: Buffer.from(window.subarray(at, end)) };
}

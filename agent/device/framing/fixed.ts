/**
 * Frames of one length, known by the bytes that they begin with and, where there is one, their checksum.
 *
 * A sum of 8 bits is right by chance once in 256: the beginning of a frame that was cut off, and what follows it, pass for
 * a frame, and the whole one that lies in it would be lost. So a frame in which another begins that is right to its end
 * is none: what cuts a frame off is common, and a header of two bytes or more inside of a frame is not. Where it is there
 * all the same, and the device says the same twice, what begins with it is right to its end as well; but then the next
 * frame begins in that, and so refutes it.
 */
import { z } from "zod";
import { checksumWidth } from "./checksum.ts";
import type { FramerOptions } from "./framer.ts";
import { isGuarded, placedGuardSchema } from "./guard.ts";
import { hexField } from "./hex.ts";
import { better, lookFor, ScanFramer, type Sight } from "./scanner.ts";

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

/** What a header must have for its place inside of a frame to be no coincidence. */
const TELLING_HEADER_BYTES = 2;

type Layout = Omit<FixedFraming, "type">;

/** A frame is refuted by one that begins in it, and this one in turn; what lies in that is taken as it looks. */
const REFUTATIONS = 2;

export class FixedFramer extends ScanFramer {
  constructor(layout: Layout, { requests = [], accept, onDrop }: FramerOptions = {}) {
    const longest = Math.max(layout.length, ...requests.map(({ length }) => length));
    const isTelling = layout.checksum && layout.header.length >= TELLING_HEADER_BYTES;
    const refutations = isTelling ? REFUTATIONS : 0;
    const look = (window: Buffer, place: number): Sight => {
      let sight = lookForFrame(layout, window, place, accept);
      for (const request of requests) sight = better(sight, lookFor(request, window, place));
      return sight;
    };
    super({
      maxBytes: (1 + refutations) * longest,
      look: (window, at, { atEnd }) => lookTwice({ look, window, atEnd }, at, refutations),
      onDrop,
    });
  }
}

interface Second {
  readonly look: (window: Buffer, place: number) => Sight;
  readonly window: Buffer;
  readonly atEnd: boolean;
}

/** What lies at `place`, which is no frame if something whole begins in it. */
function lookTwice(second: Second, place: number, refutations: number): Sight {
  const { look, window, atEnd } = second;
  const sight = look(window, place);
  if (refutations === 0 || typeof sight !== "object" || !sight.bytes) return sight;
  let isOpen = false;
  for (let inner = place + 1; inner < place + sight.size; inner++) {
    const other = lookTwice(second, inner, refutations - 1);
    // The last byte of a checksum is right, whosever it is: both are true.
    if (typeof other === "object" && inner === place + sight.size - 1)
      return { ...sight, size: sight.size - 1 };
    if (typeof other === "object") return "damaged";
    if (other === "more") isOpen = true;
  }
  return isOpen && !atEnd ? "more" : sight;
}

function lookForFrame(
  { header, length, trailer, checksum }: Layout,
  window: Buffer,
  at: number,
  accept: FramerOptions["accept"],
): Sight {
  const begun = lookFor(header, window, at);
  if (typeof begun !== "object") return begun;
  const end = at + length;
  if (end > window.length) return "more";
  if (trailer && lookFor(trailer, window, end - trailer.length) === "noise") return "damaged";
  if (checksum && !isGuarded(window, at, checksum)) return "damaged";
  const bytes = Buffer.from(window.subarray(at, end));
  return accept && !accept(bytes) ? "implausible" : { size: length, bytes };
}

/** A checksum at the end of a frame, as a profile names it. */
import { z } from "zod";
import { CHECKSUM_NAMES, checksumOf, checksumWidth } from "./checksum.ts";

const endianField = z
  .enum(["big", "little"])
  .default("big")
  .meta({ description: "Which byte of a checksum of two comes first" });

export const guardSchema = z
  .strictObject({ type: z.enum(CHECKSUM_NAMES), endian: endianField })
  .meta({ description: "The checksum at the end of every frame, over all before it" });
export type Guard = z.output<typeof guardSchema>;

/** A checksum somewhere in a frame of fixed length, over a part of it. */
export const placedGuardSchema = z
  .strictObject({
    type: z.enum(CHECKSUM_NAMES),
    endian: endianField,
    at: z.int().min(0).meta({ description: "Where it is, in bytes from the frame's first" }),
    from: z.int().min(0).default(0).meta({ description: "The first byte that it is over" }),
    to: z.int().min(1).meta({ description: "The first byte behind what it is over" }),
  })
  .meta({ description: "The checksum inside the frame" });
export type PlacedGuard = z.output<typeof placedGuardSchema>;

/** `bytes` without the checksum at their end; null if that is wrong. The same bytes where there is no guard. */
export function unguard(bytes: Buffer, guard: Guard | undefined): Buffer | null {
  if (!guard) return bytes;
  const end = bytes.length - checksumWidth(guard.type);
  if (end < 0) return null;
  const isRight = isGuarded(bytes, 0, { ...guard, from: 0, to: end, at: end });
  return isRight ? bytes.subarray(0, end) : null;
}

/** Whether the frame at `start` of `bytes` has the right checksum. */
export function isGuarded(bytes: Buffer, start: number, guard: PlacedGuard): boolean {
  const at = start + guard.at;
  const found =
    checksumWidth(guard.type) === 1
      ? bytes.readUInt8(at)
      : guard.endian === "big"
        ? bytes.readUInt16BE(at)
        : bytes.readUInt16LE(at);
  return found === checksumOf(guard.type, bytes, start + guard.from, start + guard.to);
}

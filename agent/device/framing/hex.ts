/** Bytes as a profile writes them: `42 4d 00 1c`. */
import { z } from "zod";

const HEX = /^[0-9a-fA-F]{2}( ?[0-9a-fA-F]{2})*$/;
const MAX_BYTES = 64;

/** Bytes in hexadecimal, with a space between them or none. */
export const hexField = z
  .string()
  .regex(HEX, 'must be bytes in hexadecimal, such as "42 4d" (in quotes)')
  .transform((text) => Buffer.from(text.replaceAll(" ", ""), "hex"))
  .refine(({ length }) => length <= MAX_BYTES, `must be at most ${MAX_BYTES} bytes`);

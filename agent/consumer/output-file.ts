/** Which file an output was: a checkpoint must never cut back another. */
import type { BigIntStats } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { decimalField } from "../../core/wire/fields.ts";

export const outputFileSchema = z.strictObject({
  /** Absolute. */
  path: z.string(),
  dev: decimalField,
  ino: decimalField,
});
export type OutputFile = z.output<typeof outputFileSchema>;

export function outputFileOf(path: string, { dev, ino }: BigIntStats): OutputFile {
  return { path: resolve(path), dev: dev.toString(), ino: ino.toString() };
}

/** A file may be moved, and the number of a device may be another after a restart; but not both. */
export function isSameFile(a: OutputFile, b: OutputFile): boolean {
  return a.ino === b.ino && (a.path === b.path || a.dev === b.dev);
}

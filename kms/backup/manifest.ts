/** The first file of a backup: whose it is, and from when. */
import { z } from "zod";
import { nameField, timeMsField } from "../../core/wire/fields.ts";

export const MANIFEST_FILE = "veilmq-backup.json";
export const MAX_MANIFEST_BYTES = 4_096;

export const manifestSchema = z.strictObject({
  veilmq: z.literal("backup"),
  version: z.literal(1),
  tenant: nameField,
  createdAtMs: timeMsField,
  /** The last serial given out by then. */
  serial: z.int().min(0),
  /** How many follow. */
  files: z.int().min(0),
});
export type Manifest = z.output<typeof manifestSchema>;

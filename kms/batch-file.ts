/**
 * `state/batch` and `state/rotating`: the clients whose documents `enrol --csv`, or a rotation, is making; from before
 * the first of their files until their bundle is there.
 */
import { z } from "zod";
import { nameField } from "../core/wire/fields.ts";
import type { StateFiles } from "./state-files.ts";

/** By what is being made. */
export const BATCH_FILES = { enrol: "batch", rotate: "rotating" } as const;
type Batch = keyof typeof BATCH_FILES;
const batchSchema = z.strictObject({ clients: z.array(nameField) });

/** Who was being made when a command was cut off; empty where none was. Throws BAD_DOCUMENT. */
export async function readBatch(state: StateFiles, batch: Batch): Promise<string[]> {
  return (await state.read(BATCH_FILES[batch], batchSchema))?.clients ?? [];
}

export async function writeBatch(
  state: StateFiles,
  batch: Batch,
  clients: readonly string[],
): Promise<void> {
  await state.replace(BATCH_FILES[batch], { clients });
}

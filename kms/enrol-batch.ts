/** `state/batch`: the clients that `enrol --csv` is making, from before the first of their files until their bundle is there. */
import { z } from "zod";
import { nameField } from "../core/wire/fields.ts";
import type { StateFiles } from "./state-files.ts";

export const BATCH_FILE = "batch";
const batchSchema = z.strictObject({ clients: z.array(nameField) });

/** Who was being made when a command was cut off; empty where none was. Throws BAD_DOCUMENT. */
export async function readBatch(state: StateFiles): Promise<string[]> {
  return (await state.read(BATCH_FILE, batchSchema))?.clients ?? [];
}

export async function writeBatch(state: StateFiles, clients: readonly string[]): Promise<void> {
  await state.replace(BATCH_FILE, { clients });
}

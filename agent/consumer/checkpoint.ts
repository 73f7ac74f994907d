/**
 * Where a group resumes (PROTOCOL.md §3 and §7): for each partition the next offset with its marks, and the length of
 * the output file up to which its lines are covered. One file, replaced atomically, so that no two of these can disagree.
 * It, not Kafka's committed offset, says where to resume.
 */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { VeilError } from "../../core/errors.ts";
import { replaceSecretFile } from "../../core/runtime/files.ts";
import { decimalField, parseJson } from "../../core/wire/fields.ts";
import { Marks, marksSchema } from "./marks.ts";
import { type OutputFile, outputFileSchema } from "./output-file.ts";

const schema = z.strictObject({
  veilmq: z.literal("checkpoint"),
  version: z.literal(1),
  group: z.string(),
  outputBytes: z.int().min(0).nullable(),
  /** Not in the checkpoints of earlier versions. */
  outputFile: outputFileSchema.optional(),
  partitions: z.record(
    z.string().regex(/^[^/]+\/[0-9]+$/),
    z.strictObject({ offset: decimalField, marks: marksSchema }),
  ),
});

/** What of one partition is done. */
export interface PartitionState {
  /** The next offset to read. */
  offset: bigint;
  readonly marks: Marks;
}

export interface Checkpoint {
  /** Length of the output file, where there is one. */
  outputBytes: number | null;
  /** Of what file; `undefined` where there is none, or the checkpoint does not say. */
  outputFile?: OutputFile | undefined;
  /** By `<kafka topic>/<partition>`. */
  readonly partitions: Map<string, PartitionState>;
}

export function partitionKey(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

/** The checkpoint at `path`, or an empty one. Throws CONFIG if it belongs to another group or is damaged. */
export async function readCheckpoint(path: string, group: string): Promise<Checkpoint> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw new VeilError("CONFIG", `cannot read ${path}`, { cause: error });
  });
  if (text === null) return { outputBytes: null, partitions: new Map() };
  return parseCheckpoint(text, { path, group });
}

/** The checkpoint in `text`, which was found at `path`. Throws CONFIG as {@link readCheckpoint}. */
export function parseCheckpoint(
  text: string,
  { path, group }: { readonly path: string; readonly group: string },
): Checkpoint {
  const saved = parseSaved(text, path);
  if (saved.group !== group)
    throw new VeilError("CONFIG", `${path} is the checkpoint of another group`, {
      hint: "give each consumer a --state folder of its own",
    });
  return {
    outputBytes: saved.outputBytes,
    outputFile: saved.outputFile,
    partitions: new Map(
      Object.entries(saved.partitions).map(([key, { offset, marks }]) => [
        key,
        { offset: BigInt(offset), marks: Marks.restore(marks) },
      ]),
    ),
  };
}

function parseSaved(text: string, path: string): z.output<typeof schema> {
  try {
    return parseJson(text, schema);
  } catch (cause) {
    throw new VeilError("CONFIG", `${path} is damaged`, {
      hint: "move the output and the --state folder away together to start again",
      cause,
    });
  }
}

/** Replaces the checkpoint at `path` atomically and durably. Returns its length, in characters. */
export async function writeCheckpoint(
  path: string,
  group: string,
  checkpoint: Checkpoint,
): Promise<number> {
  const saved: z.input<typeof schema> = {
    veilmq: "checkpoint",
    version: 1,
    group,
    outputBytes: checkpoint.outputBytes,
    outputFile: checkpoint.outputFile,
    partitions: Object.fromEntries(
      [...checkpoint.partitions].map(([key, { offset, marks }]) => [
        key,
        { offset: offset.toString(), marks: marks.save() },
      ]),
    ),
  };
  const text = JSON.stringify(saved);
  await replaceSecretFile(path, text);
  return text.length;
}

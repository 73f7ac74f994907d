/**
 * The consumer's checkpoint, kept and saved (PROTOCOL.md §3): at most once a second while readings come, a large one more seldom,
 * and at the end.
 * A partition's marks and offset and the output's length only ever change together, between two saves.
 */
import { join } from "node:path";
import { makeFolder } from "../../core/runtime/files.ts";
import { FolderLock } from "../../core/runtime/folder-lock.ts";
import {
  type Checkpoint,
  type PartitionState,
  partitionKey,
  readCheckpoint,
  writeCheckpoint,
} from "./checkpoint.ts";
import { Marks } from "./marks.ts";
import type { ReadingSink } from "./reading-sink.ts";
import type { LineSink } from "./sinks.ts";

export const SAVE_INTERVAL_MS = 1000;
const MAX_SAVE_INTERVAL_MS = 10_000;
/** 1 MB a second: of thousands of producers a checkpoint has megabytes, and all of it is written each time. */
const SAVED_CHARACTERS_PER_MS = 1000;

export interface ProgressOptions {
  /** One folder for each consumer: holds its checkpoint. `null`: nothing is kept, as for a reader that only looks. */
  readonly stateDir: string | null;
  readonly group: string;
  readonly output: ReadingSink;
  /** Open already: made durable with the output. */
  readonly rejects: LineSink | null;
  /** After each save: the next offsets, for Kafka's own book-keeping, which monitors read. */
  readonly onSaved: (offsets: { topic: string; partition: number; offset: bigint }[]) => void;
}

export class Progress {
  readonly #options: ProgressOptions;
  readonly #path: string | null;
  #checkpoint: Checkpoint = { outputBytes: null, partitions: new Map() };
  #savedAtMs = 0;
  #intervalMs = SAVE_INTERVAL_MS;
  #dirty = false;
  #lock: FolderLock | undefined;

  constructor(options: ProgressOptions) {
    this.#options = options;
    const { stateDir } = options;
    this.#path = stateDir === null ? null : join(stateDir, "checkpoint.json");
  }

  /** Reads the checkpoint and cuts the output back to it. Throws UNAVAILABLE while another consumer has the folder. */
  async start(): Promise<void> {
    const { stateDir, group, output } = this.#options;
    if (stateDir !== null && this.#path !== null) {
      await makeFolder(stateDir);
      this.#lock = await FolderLock.take(stateDir);
      this.#checkpoint = await readCheckpoint(this.#path, group);
    }
    const { outputBytes, outputFile } = this.#checkpoint;
    this.#checkpoint.outputFile = await output.open(outputBytes, outputFile);
    // From here on the checkpoint covers what the output held before us.
    await this.save();
  }

  /** Whether what is read is remembered over this run. */
  get isKept(): boolean {
    return this.#path !== null;
  }

  /** Where a partition stands; `null` if it was never read. */
  find(topic: string, partition: number): PartitionState | null {
    return this.#checkpoint.partitions.get(partitionKey(topic, partition)) ?? null;
  }

  /** What was read of each partition of a Kafka topic, in earlier runs too. */
  marksOf(topic: string): Marks[] {
    return [...this.#checkpoint.partitions]
      .filter(([key]) => key.startsWith(`${topic}/`))
      .map(([, { marks }]) => marks);
  }

  /** Begins a partition. */
  begin(topic: string, partition: number, offset: bigint, marks = new Marks()): PartitionState {
    const state = { offset, marks };
    this.#dirty = true;
    this.#checkpoint.partitions.set(partitionKey(topic, partition), state);
    return state;
  }

  /** All before `offset` is in the output. */
  moveTo(state: PartitionState, offset: bigint): void {
    state.offset = offset;
    this.#dirty = true;
  }

  /** Between two batches: saves if there is something and it is time. */
  async saveIfDue(): Promise<void> {
    if (this.#dirty && Date.now() - this.#savedAtMs >= this.#intervalMs) await this.save();
  }

  /** Makes output and rejects durable, then the checkpoint that covers them. */
  async save(): Promise<void> {
    const { group, output, rejects, onSaved } = this.#options;
    await rejects?.flush();
    this.#checkpoint.outputBytes = await output.flush();
    if (this.#path !== null)
      this.#intervalMs = intervalOf(await writeCheckpoint(this.#path, group, this.#checkpoint));
    this.#savedAtMs = Date.now();
    this.#dirty = false;
    if (this.#path === null) return;
    onSaved(
      [...this.#checkpoint.partitions].map(([key, { offset }]) => {
        const [topic = "", partition] = key.split("/");
        return { topic, partition: Number(partition), offset };
      }),
    );
  }

  async stop(): Promise<void> {
    await this.#lock?.release();
  }
}

/** How long after a checkpoint of `characters` the next is due. */
function intervalOf(characters: number): number {
  const slowMs = characters / SAVED_CHARACTERS_PER_MS;
  return Math.min(MAX_SAVE_INTERVAL_MS, Math.max(SAVE_INTERVAL_MS, slowMs));
}

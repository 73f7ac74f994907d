/** Records opened in threads of their own, so many at a time, with the keys that they are of. */
import { VeilError } from "../../core/errors.ts";
import { WorkerPool } from "../../core/runtime/workers.ts";
import type { RecordKey } from "../../core/scheme/record/key.ts";
import type { Opening } from "../../core/scheme/record/open.ts";
import type { SentKey, UnsealAnswer, UnsealTask } from "./unseal-worker.ts";

/** Some milliseconds of work: a thread has the next while this one takes what came of the last. */
export const RECORDS_PER_TASK = 256;
/** Batches wait for their turn at the consumer: few do so here. */
const MAX_QUEUED = 65_536;
const IDLE_MS = 30_000;

/** A whole record, and what opens it. */
export interface SealedRecord {
  readonly record: Buffer;
  readonly opening: Opening;
}

export class UnsealThreads {
  readonly #pool: WorkerPool<UnsealTask, UnsealAnswer>;

  constructor(options: { readonly threads: number }) {
    this.#pool = new WorkerPool({
      entry: "agent/consumer/unseal-worker",
      maxWorkers: options.threads,
      maxQueued: MAX_QUEUED,
      idleMs: IDLE_MS,
    });
  }

  /**
   * Of each record its plaintext, or why it did not open, as `openRecord` throws it; `null` of none. Throws STOPPED after
   * `stop`.
   */
  async open(sealed: readonly (SealedRecord | null)[]): Promise<(Buffer | VeilError | null)[]> {
    const opened = await this.#open(sealed.filter((each) => each !== null));
    let n = 0;
    return sealed.map((each) => (each === null ? null : (opened[n++] ?? null)));
  }

  async stop(): Promise<void> {
    await this.#pool.stop();
  }

  async #open(sealed: readonly SealedRecord[]): Promise<(Buffer | VeilError)[]> {
    const task = taskOf(sealed);
    const { records, lengths, keyOf } = task;
    const { plaintexts, refusals, ...answer } = await this.#pool.run(task, [
      ...[records.buffer, lengths.buffer, keyOf.buffer],
    ]);
    let from = 0;
    return Array.from(answer.lengths, (length) => {
      if (length >= 0) {
        from += length;
        return Buffer.from(plaintexts.buffer, from - length, length);
      }
      const { code, message } = refusals[-length - 1] ?? { code: "INTERNAL", message: "" };
      return new VeilError(code, message);
    });
  }
}

function taskOf(sealed: readonly SealedRecord[]): UnsealTask {
  const lengths = Uint32Array.from(sealed, ({ record }) => record.length);
  const records = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  const keyOf = new Uint32Array(sealed.length);
  const places = new Map<RecordKey, number>();
  const keys: SentKey[] = [];
  let at = 0;
  for (const [n, { record, opening }] of sealed.entries()) {
    records.set(record, at);
    at += record.length;
    const place = places.get(opening.key) ?? places.size;
    keyOf[n] = place;
    if (place < places.size) continue;
    places.set(opening.key, place);
    keys.push(sentKeyOf(opening));
  }
  return { records, lengths, keyOf, keys };
}

/** Copies: a Buffer may be part of a bigger one, which would go along. */
function sentKeyOf({ key: recordKey, producerKey, signs }: Opening): SentKey {
  const { suite, aead, epoch, ...buffers } = recordKey;
  const { key, iv, commit, kid, binding } = buffers;
  const copy = (bytes: Buffer): Uint8Array => new Uint8Array(bytes);
  return {
    ...{ suite, aead, epoch, producerKey, signs },
    bytes: {
      ...{ key: copy(key), iv: copy(iv), commit: copy(commit) },
      ...{ kid: copy(kid), binding: copy(binding) },
    },
  };
}

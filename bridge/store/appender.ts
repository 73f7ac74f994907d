/**
 * Writes to one partition: one request in flight, what comes meanwhile goes together into the next. Ten thousand
 * devices that come back at once announce their keys in a few dozen requests.
 */
import { VeilError } from "../../core/errors.ts";
import {
  type KafkaProducer,
  MAX_BATCH_BYTES,
  type PartitionBatch,
  RECORD_OVERHEAD_BYTES,
} from "../../core/ports/kafka/producer.ts";
import { Backoff } from "../../core/runtime/backoff.ts";
import type { TopicEntry } from "./topic-entry.ts";

const RETRY = { minMs: 50, maxMs: 1_000 } as const;
/** An entry that waits longer than this is refused: who wants it written asks again. */
const MAX_WAIT_MS = 15_000;
const MAX_QUEUED = 20_000;

export interface AppenderOptions {
  readonly topic: string;
  readonly partition: number;
  readonly producer: Pick<KafkaProducer, "send">;
}

interface Queued {
  readonly entry: TopicEntry;
  readonly deadlineMs: number;
  readonly resolve: () => void;
  readonly reject: (error: VeilError) => void;
}

export class Appender {
  readonly #options: AppenderOptions;
  readonly #queue: Queued[] = [];
  readonly #stopping = new AbortController();
  #writing: Promise<void> | undefined;

  constructor(options: AppenderOptions) {
    this.#options = options;
  }

  /**
   * Resolves when Kafka has the entry with acks=all. Rejects with LIMIT where too many wait, STOPPED, and otherwise
   * with what kept Kafka from it for 15 s; it may have been written all the same.
   */
  async append(entry: TopicEntry): Promise<void> {
    if (this.#stopping.signal.aborted) throw stopped();
    if (this.#queue.length >= MAX_QUEUED)
      throw new VeilError("LIMIT", "too many entries wait to be written to Kafka");
    await new Promise<void>((resolve, reject) => {
      this.#queue.push({ entry, deadlineMs: performance.now() + MAX_WAIT_MS, resolve, reject });
      this.#writing ??= this.#write();
    });
  }

  /** Rejects what is not written yet. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#writing;
    for (const queued of this.#queue.splice(0)) queued.reject(stopped());
  }

  async #write(): Promise<void> {
    const { signal } = this.#stopping;
    const backoff = new Backoff(RETRY);
    while (this.#queue.length > 0 && !signal.aborted) {
      const count = countInBatch(this.#queue);
      const error = await this.#send(this.#queue.slice(0, count));
      if (!error) {
        backoff.reset();
        for (const queued of this.#queue.splice(0, count)) queued.resolve();
        continue;
      }
      if (!error.retryable) for (const queued of this.#queue.splice(0, count)) queued.reject(error);
      this.#rejectLate(error);
      await backoff.wait(signal);
    }
    this.#writing = undefined;
  }

  async #send(queued: readonly Queued[]): Promise<VeilError | undefined> {
    const { topic, partition, producer } = this.#options;
    const batch: PartitionBatch = { topic, partition, messages: queued.map(({ entry }) => entry) };
    const [result] = await producer.send([batch]);
    if (result?.status === "confirmed") return undefined;
    return result?.error ?? new VeilError("UNAVAILABLE", "Kafka did not answer for the entry");
  }

  /** The queue is in the order of its deadlines. */
  #rejectLate(error: VeilError): void {
    const nowMs = performance.now();
    const inTime = this.#queue.findIndex(({ deadlineMs }) => deadlineMs > nowMs);
    const late = inTime < 0 ? this.#queue.length : inTime;
    for (const queued of this.#queue.splice(0, late)) queued.reject(error);
  }
}

/** How many of `queued`, at least one, fit in one batch. */
function countInBatch(queued: readonly Queued[]): number {
  let bytes = 0;
  const over = queued.findIndex(({ entry }) => {
    bytes += entry.key.length + (entry.value?.length ?? 0) + RECORD_OVERHEAD_BYTES;
    return bytes > MAX_BATCH_BYTES;
  });
  return over < 0 ? queued.length : Math.max(1, over);
}

function stopped(): VeilError {
  return new VeilError("STOPPED", "the bridge's internal topic is closed");
}

/** Kafka as the writer sees it, by a script: what each partition of each request meets, and what is then in its log. */
import { pino } from "pino";
import type { Send } from "../../../bridge/writer/dispatcher.ts";
import { type Sender, WriterRecord } from "../../../bridge/writer/record.ts";
import { Writer, type WriterOptions } from "../../../bridge/writer/writer.ts";
import { type ErrorCode, VeilError } from "../../../core/errors.ts";
import type { PartitionBatch } from "../../../core/ports/kafka/producer.ts";

/**
 * `ok`: written and confirmed. `lost`: not written, said so. `unclear`: written, but the answer is an error.
 * `late`: an error, and written some time later. `silent`: written, no answer at all.
 */
export type Outcome = "ok" | "lost" | "unclear" | "late" | "silent";

/** Values that begin so are refused for good, alone or in company. */
export const POISON = "poison";

export class FakeKafka {
  /** Values by partition, in the order of their writing. */
  readonly log = new Map<string, string[]>();
  /** Values that were confirmed. */
  readonly confirmed = new Set<string>();
  readonly requests: (readonly PartitionBatch[])[] = [];
  /** What a partition's batch meets; by default `ok`. */
  outcome: (batch: PartitionBatch, request: number) => Outcome | ErrorCode | Promise<Outcome> =
    () => "ok";
  /** How long a request takes. */
  delayMs = 1;
  readonly #inFlight = new Set<string>();
  /** Partitions that had two requests at the same time. */
  readonly overlaps: string[] = [];

  readonly send: Send = async (batches, onResult) => {
    const request = this.requests.push(batches);
    await Promise.all(
      batches.map(async (batch) => {
        const { topic, partition } = batch;
        if (this.#inFlight.has(topic)) this.overlaps.push(topic);
        this.#inFlight.add(topic);
        await new Promise((resolve) => setTimeout(resolve, this.delayMs));
        const error = await this.#meet(batch, request);
        this.#inFlight.delete(topic);
        if (error === "silent") return;
        if (error) onResult({ status: "failed", topic, partition, error });
        else onResult({ status: "confirmed", topic, partition, baseOffset: 0n });
      }),
    );
  };

  async #meet(batch: PartitionBatch, request: number): Promise<VeilError | "silent" | null> {
    const values = batch.messages.map(({ value }) => String(value));
    const outcome = await this.outcome(batch, request);
    const isPoisoned = values.some((value) => value.startsWith(POISON));
    const write = () =>
      this.log.set(batch.topic, [...(this.log.get(batch.topic) ?? []), ...values]);
    if (outcome === "lost") return new VeilError("UNAVAILABLE", "not now");
    if (outcome === "late") {
      if (!isPoisoned) setTimeout(write, 2 * this.delayMs);
      return new VeilError("TIMEOUT", "no answer in time");
    }
    if (outcome !== "ok" && outcome !== "unclear" && outcome !== "silent")
      return new VeilError(outcome, "as the script says");
    if (isPoisoned) return new VeilError("TOO_LARGE", "poison");
    write();
    if (outcome === "silent") return "silent";
    if (outcome === "unclear") return new VeilError("DISCONNECTED", "after writing");
    for (const value of values) this.confirmed.add(value);
    return null;
  }
}

/** A writer on that Kafka, quick to try again. */
export function writerOn(kafka: FakeKafka, options: Partial<WriterOptions> = {}): Writer {
  const { limits, ...rest } = options;
  return new Writer({
    send: kafka.send,
    log: pino({ level: "silent" }),
    limits: { lingerMs: 1, minRetryMs: 1, maxRetryMs: 3, ...limits },
    ...rest,
  });
}

/** A record as a test writes it. */
export interface Wanted extends Pick<WriterRecord, "topic" | "partition" | "sender"> {
  readonly key: Buffer;
  readonly value: Buffer;
}

class TestRecord extends WriterRecord {
  readonly topic: string;
  readonly partition: number;
  readonly sender: Sender;
  readonly onSettled: WriterRecord["onSettled"];

  constructor(
    { topic, partition, sender, key, value }: Wanted,
    onSettled: WriterRecord["onSettled"],
  ) {
    super(key, value);
    this.topic = topic;
    this.partition = partition;
    this.sender = sender;
    this.onSettled = onSettled;
  }
}

/** `writer.write` as a promise. */
export function written(writer: Writer, wanted: Wanted): Promise<void> {
  return new Promise((resolve, reject) =>
    writer.write(new TestRecord(wanted, (error) => (error ? reject(error) : resolve()))),
  );
}

/** Writes `value` to partition 0 of `topic`. */
export function write(writer: Writer, sender: Sender, value: string, topic = "t"): Promise<void> {
  const wanted = { topic, partition: 0, key: Buffer.from("k"), value: Buffer.from(value) };
  return written(writer, { ...wanted, sender });
}

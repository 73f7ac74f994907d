/** Kafka as a play: each batch of a request meets its own fate, and what was written is in the log of its partition. */
import type { Send } from "../../../bridge/writer/dispatcher.ts";
import { VeilError } from "../../../core/errors.ts";
import type { FeedBatch } from "../../../core/ports/kafka/feed.ts";
import type { PartitionBatch, PartitionResult } from "../../../core/ports/kafka/producer.ts";
import type { KafkaMessage } from "../../../core/ports/kafka/record-batch.ts";
import type { Stage } from "./stage.ts";

/**
 * `confirmed`. `moved`: the leader is another one, nothing is written. `cut`: written, and the answer lost.
 * `zombie`: no answer in time, and written at any time after. `silent`: written, and left out of the answer.
 * `final`: not written, with an error that is not to be tried again.
 */
export type Fate = "confirmed" | "moved" | "cut" | "zombie" | "silent" | "final";
export const FATES: readonly Fate[] = ["confirmed", "moved", "cut", "zombie", "silent", "final"];

/** Larger records are refused, alone or in company. */
export const MAX_RECORD_BYTES = 500;

export class SimKafka {
  readonly #stage: Stage;
  /** By topic, what the next batches meet; without one, they are confirmed. */
  readonly #fates: Map<string, Fate[]>;
  readonly #logs = new Map<string, KafkaMessage[]>();
  /** By topic, the latest offsets that the consumer committed. */
  readonly committed = new Map<string, bigint>();
  readonly #confirmed = new Set<string>();
  #underWay = 0;

  constructor(options: { stage: Stage; fates: Map<string, Fate[]> }) {
    this.#stage = options.stage;
    this.#fates = options.fates;
  }

  /** Nothing is on its way, no zombie either. */
  get isQuiet(): boolean {
    return this.#underWay === 0;
  }

  get topics(): string[] {
    return [...this.#logs.keys()];
  }

  log(topic: string): readonly KafkaMessage[] {
    return this.#logs.get(topic) ?? [];
  }

  isConfirmed(value: Buffer): boolean {
    return this.#confirmed.has(value.toString("hex"));
  }

  batch(topic: string, from: bigint, max: number): FeedBatch | null {
    const log = this.log(topic);
    const messages = log.slice(Number(from), Number(from) + max);
    if (messages.length === 0) return null;
    return { topic, partition: 0, messages, highWatermark: BigInt(log.length) };
  }

  /** The producer of one bridge, which must keep to one request for a partition at a time. */
  sendFor(bridge: string): Send {
    const busy = new Set<string>();
    return async (batches, onResult) => {
      await Promise.all(
        batches.map(async (batch) => {
          if (busy.has(batch.topic))
            this.#stage.violations.push(`${bridge}: two requests for a partition at a time`);
          busy.add(batch.topic);
          const result = await this.#meet(batch);
          busy.delete(batch.topic);
          if (result) onResult(result);
        }),
      );
    };
  }

  /** No fates any more: all is confirmed. */
  calm(): void {
    this.#fates.clear();
  }

  async #meet(batch: PartitionBatch): Promise<PartitionResult | null> {
    const { topic, partition } = batch;
    const isPoisoned = batch.messages.some(({ value }) => (value?.length ?? 0) > MAX_RECORD_BYTES);
    const fate = this.#fates.get(topic)?.shift() ?? "confirmed";
    const failed = (error: VeilError) => ({ status: "failed", topic, partition, error }) as const;
    if (fate === "moved") {
      await this.#event("leader moved", () => undefined);
      return failed(new VeilError("UNAVAILABLE", "the broker does not lead the partition"));
    }
    if (fate === "final" || isPoisoned) {
      await this.#event("refused", () => undefined);
      return failed(new VeilError(isPoisoned ? "TOO_LARGE" : "CONFIG", "refused for good"));
    }
    if (fate === "zombie") {
      void this.#event("written late", () => this.#write(batch), "muchLater");
      await this.#event("no answer in time", () => undefined);
      return failed(new VeilError("TIMEOUT", "no answer in time"));
    }
    await this.#event("written", () => this.#write(batch));
    if (fate === "silent") return null;
    if (fate === "confirmed")
      for (const { value } of batch.messages) this.#confirmed.add(value?.toString("hex") ?? "");
    return this.#event("answer", () =>
      fate === "cut"
        ? failed(new VeilError("DISCONNECTED", "the connection broke"))
        : ({ status: "confirmed", topic, partition, baseOffset: 0n } as const),
    );
  }

  #write({ topic, messages }: PartitionBatch): void {
    const log = this.#logs.get(topic) ?? [];
    this.#logs.set(topic, log);
    for (const { key, value } of messages)
      log.push({ offset: BigInt(log.length), timestampMs: Date.now(), key, value });
  }

  async #event<T>(label: string, run: () => T, when: "later" | "muchLater" = "later"): Promise<T> {
    this.#underWay += 1;
    return new Promise((resolve) => {
      this.#stage[when](`kafka: ${label}`, () => {
        this.#underWay -= 1;
        resolve(run());
      });
    });
  }
}

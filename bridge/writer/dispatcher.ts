/**
 * Brings lanes to Kafka: batches those that are ready into requests, tries failing ones again by themselves and with
 * growing pauses, and keeps one partition's trouble from the others.
 */
import { isVeilError, VeilError } from "../../core/errors.ts";
import type { PartitionBatch, PartitionResult } from "../../core/ports/kafka/producer.ts";
import { Backoff } from "../../core/runtime/backoff.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { Lane } from "./lane.ts";
import type { WriterLimits } from "./limits.ts";
import type { WriterRecord } from "./record.ts";
import { RetrySlots } from "./retry-slots.ts";

/**
 * Sends one batch per partition, once, and reports each as soon as its fate is known. Batches that are not reported
 * when the promise settles count as unanswered.
 */
export type Send = (
  batches: readonly PartitionBatch[],
  onResult: (result: PartitionResult) => void,
) => Promise<void>;

export interface DispatcherOptions {
  readonly send: Send;
  readonly limits: WriterLimits;
  readonly log: Logger;
  readonly onConfirmed: (record: WriterRecord) => void;
  /** A record that cannot be written, whatever is tried. */
  readonly onRejected: (record: WriterRecord, error: VeilError) => void;
}

interface Retry {
  readonly backoff: Backoff;
  timer: NodeJS.Timeout | undefined;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  /** Of a topic by partition, while they hold anything. */
  readonly #lanes = new Map<string, Map<number, Lane>>();
  /** Lanes with something to send, not in flight, not failing. */
  readonly #ready = new Set<Lane>();
  readonly #failing = new Map<Lane, Retry>();
  readonly #slots: RetrySlots;
  #flushTimer: NodeJS.Timeout | undefined;
  #flushSoon: NodeJS.Immediate | undefined;
  #messages = 0;
  #lingerMs: number;
  #requests = 0;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#lingerMs = options.limits.lingerMs;
    this.#slots = new RetrySlots(options.limits.maxRetrying, (lane) => this.#request([lane]));
  }

  /** Requests under way. */
  get requests(): number {
    return this.#requests;
  }

  /** Partitions whose head failed and is retried. */
  get failing(): number {
    return this.#failing.size;
  }

  /** All that it holds. */
  get records(): WriterRecord[] {
    return [...this.#lanes.values()]
      .flatMap((lanes) => [...lanes.values()])
      .flatMap(({ records }) => records);
  }

  add(record: WriterRecord): void {
    const lane = this.#laneOf(record);
    if (lane.isEmpty) this.#keep(lane);
    lane.add(record);
    if (lane.isBusy || this.#failing.has(lane)) return;
    this.#ready.add(lane);
    this.#messages += 1;
    if (this.#messages >= this.#options.limits.maxBatchMessages) this.#soon();
    else this.#flushTimer ??= setTimeout(() => this.#flush(), this.#lingerMs);
  }

  /** Forgets records that were settled while they waited. */
  sweep(settled: readonly WriterRecord[]): void {
    for (const lane of new Set(settled.map((record) => this.#laneOf(record)))) {
      lane.sweep();
      this.#tidy(lane);
    }
  }

  /** Batches wait for nothing any more. */
  hurry(): void {
    this.#lingerMs = 0;
    this.#soon();
  }

  stop(): void {
    clearTimeout(this.#flushTimer);
    clearImmediate(this.#flushSoon);
    for (const { timer } of this.#failing.values()) clearTimeout(timer);
    this.#failing.clear();
    this.#slots.clear();
    this.#ready.clear();
  }

  /** The partition's lane; it is kept while it holds anything. */
  #laneOf({ topic, partition }: Pick<WriterRecord, "topic" | "partition">): Lane {
    return this.#lanes.get(topic)?.get(partition) ?? new Lane(topic, partition);
  }

  #soon(): void {
    this.#flushSoon ??= setImmediate(() => this.#flush());
  }

  #flush(): void {
    clearTimeout(this.#flushTimer);
    clearImmediate(this.#flushSoon);
    this.#flushTimer = undefined;
    this.#flushSoon = undefined;
    this.#messages = 0;
    const lanes = [...this.#ready];
    this.#ready.clear();
    this.#request(lanes);
  }

  /** One request for as many lanes as it has room for, and further ones for the rest. */
  #request(lanes: readonly Lane[]): void {
    const { maxBatchMessages, maxBatchBytes } = this.#options.limits;
    let room = { maxMessages: maxBatchMessages, maxBytes: maxBatchBytes };
    let group = new Map<string, { lane: Lane; batch: PartitionBatch }>();
    for (const lane of lanes) {
      const taken = lane.take(room);
      if (!taken) continue;
      group.set(laneId(lane), { lane, batch: taken.batch });
      room = {
        maxMessages: room.maxMessages - taken.batch.messages.length,
        maxBytes: room.maxBytes - taken.bytes,
      };
      if (room.maxMessages > 0 && room.maxBytes > 0) continue;
      void this.#send(group);
      group = new Map();
      room = { maxMessages: maxBatchMessages, maxBytes: maxBatchBytes };
    }
    if (group.size > 0) void this.#send(group);
  }

  async #send(group: Map<string, { lane: Lane; batch: PartitionBatch }>): Promise<void> {
    this.#requests += 1;
    let reason: VeilError | undefined;
    try {
      await this.#options.send(
        [...group.values()].map(({ batch }) => batch),
        (result) => {
          const lane = group.get(laneId(result))?.lane;
          if (!lane || !group.delete(laneId(result))) return;
          if (result.status === "confirmed") this.#confirmed(lane);
          else this.#failed(lane, result.error);
        },
      );
    } catch (error) {
      // Whatever it was, the records are still promised: an unknown error is no reason to give them up.
      this.#options.log.error({ err: error }, "sending to Kafka failed");
      if (isVeilError(error) && error.retryable) reason = error;
    }
    this.#requests -= 1;
    for (const { lane } of group.values())
      this.#failed(lane, reason ?? new VeilError("UNAVAILABLE", "Kafka did not answer"));
    if (this.#requests === 0 && this.#ready.size > 0) this.#soon();
  }

  #confirmed(lane: Lane): void {
    for (const record of lane.confirm()) this.#options.onConfirmed(record);
    this.#recovered(lane);
    this.#goOn(lane);
  }

  #failed(lane: Lane, error: VeilError): void {
    const next = lane.fail(error);
    if (next.action === "retry") {
      this.#retryLater(lane, error);
      return;
    }
    this.#recovered(lane);
    if (next.action === "reject") this.#options.onRejected(next.record, error);
    this.#goOn(lane);
  }

  #retryLater(lane: Lane, error: VeilError): void {
    const { minRetryMs, maxRetryMs } = this.#options.limits;
    if (this.#failing.size === 0)
      this.#options.log.warn({ code: error.code, reason: error.message }, "Kafka takes no records");
    const retry = this.#failing.get(lane) ?? {
      backoff: new Backoff({ minMs: minRetryMs, maxMs: maxRetryMs }),
      timer: undefined,
    };
    this.#failing.set(lane, retry);
    this.#slots.leave(lane);
    retry.timer = setTimeout(() => this.#slots.enter(lane), retry.backoff.nextMs());
  }

  #recovered(lane: Lane): void {
    this.#slots.leave(lane);
    if (!this.#failing.delete(lane)) return;
    if (this.#failing.size === 0) this.#options.log.info("Kafka takes all records again");
  }

  /**
   * What came in while the lane was in flight has waited long enough; but while others are in flight, it goes with those
   * that land within the linger: one request for many lanes costs a good deal less than one for each.
   */
  #goOn(lane: Lane): void {
    if (lane.isEmpty) {
      this.#tidy(lane);
      return;
    }
    this.#ready.add(lane);
    // The one that has just landed is still counted.
    if (this.#requests <= 1) this.#soon();
    else this.#flushTimer ??= setTimeout(() => this.#flush(), this.#lingerMs);
  }

  #tidy(lane: Lane): void {
    if (!lane.isEmpty) return;
    const retry = this.#failing.get(lane);
    clearTimeout(retry?.timer);
    this.#recovered(lane);
    this.#ready.delete(lane);
    const lanes = this.#lanes.get(lane.topic);
    lanes?.delete(lane.partition);
    if (lanes?.size === 0) this.#lanes.delete(lane.topic);
  }

  #keep(lane: Lane): void {
    const lanes = this.#lanes.get(lane.topic) ?? new Map<number, Lane>();
    this.#lanes.set(lane.topic, lanes.set(lane.partition, lane));
  }
}

function laneId({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}/${partition}`;
}

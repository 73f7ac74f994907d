/**
 * Writes record batches to their partitions' leaders with acks=all, and says of each partition what became of it.
 *
 * Not idempotent, on purpose. The bridge's writer keeps one request per partition in flight and retries its head
 * until the promise to the device is kept or its session closes; after an unclear answer it writes the same
 * records again. So records may repeat but never overtake, which PROTOCOL.md §3 allows and every consumer undoes.
 * Kafka's producer ids would remove repeats only within the life of one producer, not across bridges and restarts,
 * and kafkajs calls its own implementation experimental.
 *
 * Nothing is retried here, and nothing is remembered that could poison a later request: leaders are found topic
 * by topic, and forgotten at the first doubt.
 */
import { isVeilError, VeilError } from "../../errors.ts";
import { Brokers } from "./brokers.ts";
import type { Kafka } from "./client.ts";
import { fromErrorCode, toVeilError } from "./kafka-error.ts";
import { type KafkajsProtocol, produceResponseV7 } from "./kafkajs.ts";
import { type ProduceTopic, produceRequest } from "./produce-request.ts";
import { type Loan, RequestMemory } from "./request-memory.ts";

const ACKS_ALL = -1;
const DEFAULT_ACK_TIMEOUT_MS = 5000;
/** For the way there and back, beyond the time that the broker has. */
const REQUEST_MARGIN_MS = 1000;

/**
 * What one PartitionBatch may hold, as the sum of its keys, values and RECORD_OVERHEAD_BYTES each: Kafka's default
 * limit (max.message.bytes) is for the batch, not for a single record.
 */
export const MAX_BATCH_BYTES = 2 ** 20 - 2 ** 10;
export const RECORD_OVERHEAD_BYTES = 32;

export interface ProducerMessage {
  readonly key: Buffer | null;
  /** `null` is a tombstone in a compacted topic. */
  readonly value: Buffer | null;
}

/** The records of one partition, in order; Kafka takes all of them or none. */
export interface PartitionBatch {
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly ProducerMessage[];
}

/**
 * `confirmed`: all in-sync replicas have the batch from `baseOffset` on. `failed`: not confirmed, which does not
 * mean not written; `error.retryable` says whether the same batch may be sent again. Not retryable are TOO_LARGE
 * (of a batch of several records one may be to blame), NOT_FOUND (the topic is gone: create it first), AUTH,
 * CONFIG and STOPPED.
 */
export type PartitionResult =
  | {
      readonly status: "confirmed";
      readonly topic: string;
      readonly partition: number;
      readonly baseOffset: bigint;
    }
  | {
      readonly status: "failed";
      readonly topic: string;
      readonly partition: number;
      readonly error: VeilError;
    };

export interface ProducerOptions {
  readonly kafka: Kafka;
  /** How long a leader may wait for its followers. */
  readonly ackTimeoutMs?: number;
}

export class KafkaProducer {
  readonly #brokers: Brokers;
  readonly #ackTimeoutMs: number;
  readonly #memory = new RequestMemory();

  constructor(options: ProducerOptions) {
    this.#brokers = new Brokers(options);
    this.#ackTimeoutMs = options.ackTimeoutMs ?? DEFAULT_ACK_TIMEOUT_MS;
  }

  /**
   * Sends the batches, one request per leader, and resolves with one result per batch in the order given. The
   * caller sees to it that a partition has one batch per call and one call at a time: throws BAD_ARGUMENT for
   * two batches of a partition; everything else is in the results. While one broker is frozen, it settles within
   * `requestTimeoutMs` of the client for finding leaders and `ackTimeoutMs` + 1 s for the request. `onResult` hears
   * of each batch as soon as its own leader has answered, so that nobody waits for a frozen broker but its own.
   */
  async send(
    batches: readonly PartitionBatch[],
    onResult: (result: PartitionResult) => void = () => undefined,
  ): Promise<readonly PartitionResult[]> {
    const keys = new Set(batches.map(({ topic, partition }) => `${topic}/${partition}`));
    if (keys.size < batches.length)
      throw new VeilError("BAD_ARGUMENT", "a partition has more than one batch");
    const results = new Map<PartitionBatch, PartitionResult>();
    const settle: Settle = (batch, result) => {
      results.set(batch, result);
      onResult(result);
    };
    const byLeader = await this.#groupByLeader(batches, settle);
    await Promise.all(
      [...byLeader].map(([nodeId, group]) => this.#sendToLeader(nodeId, group, settle)),
    );
    return batches.map((batch) => results.get(batch) ?? failed(batch, noAnswer()));
  }

  /** Hangs up; sends under way fail as DISCONNECTED. */
  async stop(): Promise<void> {
    this.#brokers.stop();
  }

  async #groupByLeader(
    batches: readonly PartitionBatch[],
    settle: Settle,
  ): Promise<Map<number, PartitionBatch[]>> {
    const byLeader = new Map<number, PartitionBatch[]>();
    try {
      const find = await this.#brokers.findLeaders(batches.map(({ topic }) => topic));
      for (const batch of batches) {
        const leader = find(batch.topic, batch.partition);
        if ("error" in leader) settle(batch, failed(batch, leader.error));
        else append(byLeader, leader.nodeId, batch);
      }
    } catch (cause) {
      const error = toVeilError(cause, "finding the leaders");
      for (const batch of batches) settle(batch, failed(batch, error));
    }
    return byLeader;
  }

  async #sendToLeader(
    nodeId: number,
    batches: readonly PartitionBatch[],
    settle: Settle,
  ): Promise<void> {
    const loan = this.#memory.lend();
    const protocol = produceProtocol(batches, this.#ackTimeoutMs, loan);
    let answer: (topic: string, partition: number) => PartitionAnswer | undefined;
    try {
      answer = await this.#brokers.call(nodeId, "producing", (broker) =>
        broker.connectionPool.send(protocol),
      );
      // It has been sent whole, or there were no answer. Without one it may still be on its way.
      loan.end();
    } catch (cause) {
      const error = toVeilError(cause, "producing");
      answer = () => ({ error });
    }
    for (const batch of batches) {
      const { topic, partition } = batch;
      const result = answer(topic, partition) ?? { error: noAnswer() };
      if ("error" in result) {
        const error = afresh(result.error);
        if (error.retryable) this.#brokers.forget(topic);
        settle(batch, failed(batch, error));
      } else
        settle(batch, {
          status: "confirmed",
          topic,
          partition,
          baseOffset: result.baseOffset,
        });
    }
  }
}

type Settle = (batch: PartitionBatch, result: PartitionResult) => void;

type PartitionAnswer = { readonly baseOffset: bigint } | { readonly error: VeilError };

/** kafkajs's own reading of the answer throws at the first partition with an error: the others would be lost. */
function produceProtocol(
  batches: readonly PartitionBatch[],
  ackTimeoutMs: number,
  loan: Loan,
): KafkajsProtocol<(topic: string, partition: number) => PartitionAnswer | undefined> {
  return {
    request: produceRequest(
      { acks: ACKS_ALL, timeoutMs: ackTimeoutMs, topics: byTopic(batches) },
      loan,
    ),
    response: { decode, parse: async (answer) => answer },
    requestTimeout: ackTimeoutMs + REQUEST_MARGIN_MS,
  };
}

async function decode(payload: Buffer) {
  const { topics } = await produceResponseV7.decode(payload);
  const answers = new Map<string, PartitionAnswer>();
  for (const { topicName, partitions } of topics)
    for (const { partition, errorCode, baseOffset } of partitions) {
      const error = fromErrorCode(errorCode, "producing");
      const answer = error ? { error } : { baseOffset: BigInt(baseOffset) };
      answers.set(`${topicName}/${partition}`, answer);
    }
  return (topic: string, partition: number) => answers.get(`${topic}/${partition}`);
}

function byTopic(batches: readonly PartitionBatch[]): readonly ProduceTopic[] {
  const topics = new Map<string, PartitionBatch[]>();
  for (const batch of batches) append(topics, batch.topic, batch);
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }));
}

function append<Key>(groups: Map<Key, PartitionBatch[]>, key: Key, batch: PartitionBatch): void {
  const group = groups.get(key);
  if (group) group.push(batch);
  else groups.set(key, [batch]);
}

/** "Unknown topic" from a presumed leader may only mean that it leads no longer; metadata decides next time. */
function afresh(error: VeilError): VeilError {
  return isVeilError(error, "NOT_FOUND")
    ? new VeilError("UNAVAILABLE", "producing: the broker does not lead the partition")
    : error;
}

function failed({ topic, partition }: PartitionBatch, error: VeilError): PartitionResult {
  return { status: "failed", topic, partition, error };
}

function noAnswer(): VeilError {
  return new VeilError("UNAVAILABLE", "producing: Kafka's answer leaves the partition out");
}

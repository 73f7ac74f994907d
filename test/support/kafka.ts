/** The shared cluster as the Kafka port sees it, and topics of a test's own. */
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { isVeilError } from "../../core/errors.ts";
import { KafkaAdmin } from "../../core/ports/kafka/admin.ts";
import { createKafka, type Kafka } from "../../core/ports/kafka/client.ts";
import type { KafkaProducer, PartitionBatch } from "../../core/ports/kafka/producer.ts";
import { freshName, sharedCluster } from "./cluster.ts";

export const silentLog = pino({ level: "silent" });
/** None of its brokers is ever away, but all may be busy. */
const PATIENT = { connectionTimeoutMs: 15_000, requestTimeoutMs: 15_000 };

export function sharedKafka(): Kafka {
  const { brokers } = sharedCluster();
  return createKafka({ brokers: async () => brokers, log: silentLog, ...PATIENT });
}

export function kafkaAt(brokers: readonly string[]): Kafka {
  return createKafka({ brokers: async () => brokers, log: silentLog });
}

export interface TestTopic {
  readonly partitions?: number;
  readonly replication?: number;
  readonly config?: Readonly<Record<string, string>>;
}

/** A new topic on `kafka`, as soon as enough brokers are up for its replicas; returns its name. */
export async function makeTopic(kafka: Kafka, options: TestTopic = {}): Promise<string> {
  const { partitions = 1, replication = 1, config = {} } = options;
  const admin = new KafkaAdmin({ kafka });
  const topic = freshName("veil-test");
  for (const deadline = Date.now() + 30_000; ; await sleep(100)) {
    try {
      await admin.ensureTopic({ topic, partitions, replication, config });
      break;
    } catch (error) {
      if (!isVeilError(error) || !error.retryable || Date.now() > deadline) throw error;
    }
  }
  await admin.stop();
  return topic;
}

/** A batch of one partition with these values; keys are `k0`, `k1` … */
export function batchOf(
  topic: string,
  partition: number,
  values: readonly string[],
): PartitionBatch {
  const messages = values.map((value, index) => {
    return { key: Buffer.from(`k${index}`), value: Buffer.from(value) };
  });
  return { topic, partition, messages };
}

/** Sends one batch and insists that it is confirmed; returns its first offset. */
export async function sendAll(
  producer: KafkaProducer,
  topic: string,
  values: readonly string[],
): Promise<bigint> {
  const [result] = await producer.send([batchOf(topic, 0, values)]);
  if (result?.status !== "confirmed") throw result?.error ?? new Error("no result");
  return result.baseOffset;
}

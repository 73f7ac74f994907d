/**
 * The report's producer (Listings 9 to 12): asks ZooKeeper for the brokers, takes the first, encrypts the topic's
 * name with EI1, and publishes "Hello at <ms>" with the time as key.
 */
import { z } from "zod";
import { endpointOf } from "../../bridge/brokers/registration.ts";
import { EXIT, type ExitCode } from "../../cli/exit-codes.ts";
import { printLine } from "../../cli/messages.ts";
import { VeilError } from "../../core/errors.ts";
import { KafkaAdmin } from "../../core/ports/kafka/admin.ts";
import type { Kafka } from "../../core/ports/kafka/client.ts";
import { KafkaProducer } from "../../core/ports/kafka/producer.ts";
import { pause } from "../../core/runtime/backoff.ts";
import { fileExists } from "../../core/runtime/files.ts";
import { createLog } from "../../core/runtime/log.ts";
import { EI1, enc } from "../../core/scheme/paper/client.ts";
import { kafkaFrom, zooKeeperAt } from "./clients.ts";
import { connectingLine, DONE, publishLine, sentLine } from "./lines.ts";
import { play } from "./play.ts";

const BROKERS_PATH = "/brokers/ids";
const PARTITION = 0;
/** A Java `long`, as its LongSerializer writes it. */
const KEY_BYTES = 8;
const POLL_MS = 20;

const optionsSchema = z.object({
  zookeeper: z.string(),
  topic: z.string(),
  /** None: the topic is created, and that is all. */
  records: z.int().min(0),
  intervalMs: z.int().min(0),
  /** After its first record the producer waits for this file: so that a consumer can come late at any interval. */
  holdUntil: z.string().nullable(),
});
export type ProducerRole = z.infer<typeof optionsSchema>;

const log = createLog("producer", "warn");

async function produce(options: ProducerRole, signal: AbortSignal): Promise<ExitCode> {
  const address = await firstBroker(options.zookeeper);
  printLine(connectingLine(address));
  const kafka = kafkaFrom(async () => [address], log);
  const name = enc(options.topic, EI1);
  printLine(publishLine(name));
  await createTopic(kafka, name);
  await publish(kafka, name, options, signal);
  printLine(DONE);
  return EXIT.OK;
}

/** Listing 9: the first of those registered, "host:port". */
async function firstBroker(address: string): Promise<string> {
  const zookeeper = zooKeeperAt(address, log);
  await zookeeper.start();
  try {
    const ids = ((await zookeeper.children(BROKERS_PATH)) ?? []).map(Number);
    // ZooKeeper names children in no order.
    const node = ids.length > 0 && (await zookeeper.get(`${BROKERS_PATH}/${Math.min(...ids)}`));
    const endpoint = node && endpointOf(node.data, { securityProtocol: "PLAINTEXT" });
    if (endpoint && "address" in endpoint) return endpoint.address;
    throw new VeilError("UNAVAILABLE", "the first Kafka broker in ZooKeeper cannot be used");
  } finally {
    await zookeeper.stop();
  }
}

/** The report's brokers made it at the first record, with these settings (Listing 8); ours create nothing unasked. */
async function createTopic(kafka: Kafka, topic: string): Promise<void> {
  const admin = new KafkaAdmin({ kafka });
  const config = { "min.insync.replicas": "1" };
  await admin.ensureTopic({ topic, partitions: 1, replication: 1, config });
  await admin.stop();
}

/** Listing 12: the keys count up from the start by one, whatever the interval. */
async function publish(
  kafka: Kafka,
  topic: string,
  { records, intervalMs, holdUntil }: ProducerRole,
  signal: AbortSignal,
): Promise<void> {
  const producer = new KafkaProducer({ kafka });
  const startMs = Date.now();
  for (let index = 0; index < records; index += 1) {
    const key = startMs + index;
    const value = `Hello at ${key}`;
    const messages = [{ key: javaLong(key), value: Buffer.from(value, "utf8") }];
    const [result] = await producer.send([{ topic, partition: PARTITION, messages }]);
    if (result?.status !== "confirmed")
      throw result?.error ?? new VeilError("INTERNAL", "a record without a result");
    const [offset, elapsedMs] = [Number(result.baseOffset), Date.now() - startMs];
    printLine(sentLine({ key, value, partition: PARTITION, offset, elapsedMs }));
    const slept = pause(intervalMs, signal);
    if (index === 0 && holdUntil !== null) await appearance(holdUntil, signal);
    if (!(await slept)) throw new VeilError("STOPPED", "interrupted");
  }
  await producer.stop();
}

function javaLong(value: number): Buffer {
  const bytes = Buffer.alloc(KEY_BYTES);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}

async function appearance(path: string, signal: AbortSignal): Promise<void> {
  while (!(await fileExists(path)) && (await pause(POLL_MS, signal)));
}

await play(optionsSchema, produce);

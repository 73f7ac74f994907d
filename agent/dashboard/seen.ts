/** "What do they see?": one record of a topic, as each party on its way has it. Asked of them, not remembered. */
import type { KafkaMessage } from "../../core/ports/kafka/record-batch.ts";
import { AEAD, type RecordHeader, splitRecord } from "../../core/scheme/record/header.ts";
import { clientPath, grantsPath } from "../../core/wire/directory.ts";
import { measurementsOf } from "../consumer/measurements.ts";
import type { Reading } from "../consumer/reading.ts";
import { MAX_TEXT, type Seen } from "./wire.ts";

/** Before the JSON of a signed document (PROTOCOL.md §4). */
const SIGNATURE_BYTES = 64;
const SHOWN_BYTES = 512;
const SHOWN_VALUES = 32;

export interface SeenSources {
  readonly tenant: string;
  /** The newest of a topic. */
  readonly newest: (topic: string) => Reading | null;
  /** The record as Kafka has it; `null` where it is gone. */
  readonly record: (reading: Reading) => Promise<KafkaMessage | null>;
  /** A node's bytes, `null` where there is none; without it ZooKeeper is not asked. */
  readonly node: ((path: string) => Promise<Buffer | null>) | null;
}

export async function lookAt(topic: string, sources: SeenSources): Promise<Seen> {
  const reading = sources.newest(topic);
  if (!reading) return { topic, you: null, kafka: null, zookeeper: [], network: null };
  const { kafkaTopic } = reading;
  const message = await sources.record(reading);
  const record = message?.value ?? null;
  const header = record && splitRecord(record).header;
  return {
    topic,
    you: youOf(reading),
    kafka:
      record && header
        ? {
            topic: kafkaTopic,
            partition: reading.partition,
            offset: String(reading.offset),
            takenMs: reading.takenMs,
            key: message?.key?.toString("hex") ?? "",
            value: record.subarray(0, SHOWN_BYTES).toString("hex"),
            bytes: record.length,
            header: describe(header),
          }
        : null,
    zookeeper: await nodesOf(sources, kafkaTopic, reading.producer),
    network: record && header && { bytes: record.length, padded: header.padded },
  };
}

function youOf(reading: Reading): Seen["you"] {
  const values = measurementsOf(reading).slice(0, SHOWN_VALUES);
  return {
    producer: reading.producer,
    timeMs: reading.timeMs,
    values: values.map(({ name, value, unit }) => ({
      name: name.slice(0, MAX_TEXT),
      value: String(value).slice(0, MAX_TEXT),
      unit,
    })),
  };
}

function describe({
  suite,
  aead,
  epoch,
  kid,
  seq,
  timeMs,
}: RecordHeader): NonNullable<Seen["kafka"]>["header"] {
  const algorithm = aead === AEAD.aes256Gcm ? "AES-256-GCM" : "ChaCha20-Poly1305";
  return [
    { name: "suite", value: String(suite) },
    { name: "algorithm", value: algorithm },
    { name: "epoch", value: String(epoch) },
    { name: "key id", value: kid.toString("hex") },
    { name: "number", value: String(seq) },
    { name: "device's clock", value: new Date(timeMs).toISOString() },
  ];
}

async function nodesOf(
  { tenant, node }: SeenSources,
  kafkaTopic: string,
  producer: string,
): Promise<Seen["zookeeper"]> {
  const paths = [
    `/brokers/topics/${kafkaTopic}`,
    clientPath(tenant, producer),
    grantsPath(tenant, producer, 0),
  ];
  return Promise.all(
    paths.map(async (path) => {
      const data = (await node?.(path)) ?? null;
      if (!data) return { path, text: null, bytes: null };
      const isSigned = path.startsWith("/veilmq/");
      const text = data.subarray(isSigned ? SIGNATURE_BYTES : 0).toString("utf8");
      return { path, text: text.slice(0, SHOWN_BYTES), bytes: data.length };
    }),
  );
}

/** "What do they see?": one record of a topic, as each party on its way has it. Kafka and ZooKeeper are asked at that moment. */
import type { KafkaMessage } from "../../core/ports/kafka/record-batch.ts";
import { AEAD, type RecordHeader, splitRecord } from "../../core/scheme/record/header.ts";
import { clientPath, grantsPath } from "../../core/wire/directory.ts";
import { measurementsOf } from "../consumer/measurements.ts";
import type { Reading } from "../consumer/reading.ts";
import { presentable, presentableName } from "./presentable.ts";
import type { Seen } from "./wire.ts";

/** Before the JSON of a signed document (PROTOCOL.md §4). */
const SIGNATURE_BYTES = 64;
const SHOWN_BYTES = 512;
const SHOWN_VALUES = 32;

type Node = Seen["zookeeper"]["nodes"][number];
type Party = Seen["silent"][number];

export interface SeenSources {
  readonly tenant: string;
  /** The newest of a topic. */
  readonly newest: (topic: string) => Reading | null;
  /** The record as Kafka has it; `null` where it is gone. */
  readonly record: (reading: Reading) => Promise<KafkaMessage | null>;
  /** A node's bytes, `null` where there is none; without it ZooKeeper is not asked. */
  readonly node: ((path: string) => Promise<Buffer | null>) | null;
  /** A party did not answer: the others are shown all the same. */
  readonly onSilent: (party: Party, error: unknown) => void;
}

export async function lookAt(topic: string, sources: SeenSources): Promise<Seen> {
  const reading = sources.newest(topic);
  const silent: Party[] = [];
  const isAsked = sources.node !== null;
  if (!reading)
    return {
      ...{ topic, silent, you: null, kafka: null, network: null },
      zookeeper: { isAsked, nodes: [] },
    };
  const paths = pathsOf(sources.tenant, reading);
  const unasked = paths.map((path) => ({ path, text: null, bytes: null }));
  const hush = (party: Party) => (error: unknown) => {
    silent.push(party);
    sources.onSilent(party, error);
  };
  const [message, nodes] = await Promise.all([
    sources.record(reading).catch(hush("kafka")),
    Promise.all(paths.map((path) => nodeOf(sources, path))).catch(hush("zookeeper")),
  ]);
  const record = message?.value ?? null;
  const header = record && headerOf(record);
  return {
    ...{ topic, silent, you: youOf(reading) },
    zookeeper: { isAsked, nodes: nodes ?? unasked },
    kafka: record && {
      topic: reading.kafkaTopic,
      partition: reading.partition,
      offset: String(reading.offset),
      takenMs: reading.takenMs,
      key: message?.key?.toString("hex") ?? "",
      value: record.subarray(0, SHOWN_BYTES).toString("hex"),
      bytes: record.length,
      header: header && describe(header),
    },
    network: record && header && { bytes: record.length, padded: header.padded },
  };
}

function youOf(reading: Reading): Seen["you"] {
  const values = measurementsOf(reading).slice(0, SHOWN_VALUES);
  return {
    producer: reading.producer,
    timeMs: reading.timeMs,
    values: values.map(({ name, value, unit }) => ({
      name: presentableName(name),
      value: presentable(value),
      unit: unit && presentableName(unit),
    })),
  };
}

/** What Kafka says may be anything. */
function headerOf(record: Buffer): RecordHeader | null {
  try {
    return splitRecord(record).header;
  } catch {
    return null;
  }
}

function describe({
  suite,
  aead,
  epoch,
  kid,
  seq,
  timeMs,
}: RecordHeader): NonNullable<NonNullable<Seen["kafka"]>["header"]> {
  const algorithm = aead === AEAD.aes256Gcm ? "AES-256-GCM" : "ChaCha20-Poly1305";
  return { suite, algorithm, epoch, kid: kid.toString("hex"), number: String(seq), timeMs };
}

function pathsOf(tenant: string, { kafkaTopic, producer }: Reading): string[] {
  return [
    `/brokers/topics/${kafkaTopic}`,
    clientPath(tenant, producer),
    grantsPath(tenant, producer, 0),
  ];
}

async function nodeOf({ node }: SeenSources, path: string): Promise<Node> {
  const data = (await node?.(path)) ?? null;
  if (!data) return { path, text: null, bytes: null };
  const isSigned = path.startsWith("/veilmq/");
  const text = data.subarray(isSigned ? SIGNATURE_BYTES : 0).toString("utf8");
  return { path, text: text.slice(0, SHOWN_BYTES), bytes: data.length };
}

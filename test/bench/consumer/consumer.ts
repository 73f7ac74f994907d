/** `npm run bench -- consumer`: our consumer beside a bare kafkajs consumer of the same bytes. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { pino } from "pino";
import { VeilError } from "../../../core/errors.ts";
import { createKafka } from "../../../core/ports/kafka/client.ts";
import { KafkaProducer } from "../../../core/ports/kafka/producer.ts";
import { replaceSecretFile } from "../../../core/runtime/files.ts";
import type { RecordKey } from "../../../core/scheme/record/key.ts";
import { sealRecord } from "../../../core/scheme/record/seal.ts";
import { kafkaTopicOf } from "../../../core/scheme/tag.ts";
import { packTakenAt } from "../../../core/wire/clock.ts";
import { encodeCredential } from "../../../core/wire/credential.ts";
import { startCluster } from "../../../demo/cluster/cluster.ts";
import type { Benchmark, BenchmarkContext } from "../framework/benchmark.ts";
import { movementOf, percent } from "../framework/figures.ts";
import type { Findings } from "../framework/findings.ts";
import { median, medianRatio } from "../framework/statistics.ts";
import { deviceKit, recordPublisher } from "../load/device-kit.ts";
import { Publisher } from "../load/publisher.ts";
import { Operator } from "../rig/operator.ts";
import type { ReaderResult } from "./reader-process.ts";
import { runReader } from "./run-reader.ts";

const TOPIC = "plant/line-1";
const FULL = { records: 300_000, rounds: 4 } as const;
const QUICK = { records: 5_000, rounds: 1 } as const;
const BATCH = 1000;
/** Any eight bytes: to a consumer a producer's pseudonym is only that. */
const PSEUDONYM = randomBytes(8);
const BOOTED_AT_MS = 1_790_000_000_000;
const READING_EVERY_MS = 100;

export const consumerBenchmark: Benchmark = {
  name: "consumer",
  summary: "readings a second, beside a bare kafkajs consumer of the same bytes",
  async run(context) {
    const { folder, signal, say, quick } = context;
    const cluster = await startCluster({ dir: folder, brokers: 1, signal, onProgress: say });
    try {
      const { zookeeper, brokers } = cluster;
      const at = join(folder, "operator");
      const operator = await Operator.start({ folder: at, zookeeper, bridges: 1, signal });
      try {
        const { records, rounds } = quick ? QUICK : FULL;
        const kafkaTopic = await fill(operator, { brokers, records, say });
        const credential = await readerCredential(operator, folder);
        const sealed =
          (threads: number) =>
          (round: number): string[] => {
            const state = join(folder, `state-${threads}-${round}`);
            return ["sealed", credential, TOPIC, state, String(records), String(threads)];
          };
        const bare =
          (kind: string) =>
          (round: number): string[] => [
            ...[kind, brokers.join(","), kafkaTopic, `${kind}-${round}`, String(records)],
          ];
        const runs = {
          ...{ sealed: sealed(0), oneThread: sealed(1), twoThreads: sealed(2) },
          ...{ batch: bare("batch"), message: bare("message") },
        };
        return findingsOf(await runRounds(context, rounds, runs), records);
      } finally {
        await operator.stop();
      }
    } finally {
      await cluster.stop();
    }
  },
};

/** Registers and announces at the bridge, then writes what it would have written, straight to Kafka. */
async function fill(
  operator: Operator,
  {
    brokers,
    records,
    say,
  }: {
    brokers: readonly string[];
    records: number;
    say: (line: string) => void;
  },
): Promise<string> {
  const [device] = await operator.enrol([{ client: "device-1", topics: [TOPIC] }]);
  const [bridge] = operator.bridges;
  if (!device || !bridge) throw new VeilError("INTERNAL", "nobody was enrolled");
  const kit = deviceKit(device, TOPIC);
  (await Publisher.open(recordPublisher(kit, { port: bridge.mqttPort, size: 200 }))).close();
  const topic = kafkaTopicOf(operator.tagOf(TOPIC));
  say(`writing ${records} records`);
  const log = pino({ level: "silent" });
  const producer = new KafkaProducer({ kafka: createKafka({ brokers: async () => brokers, log }) });
  try {
    for (let first = 0; first < records; first += BATCH) {
      const count = Math.min(BATCH, records - first);
      const messages = Array.from({ length: count }, (_, n) => ({
        key: PSEUDONYM,
        value: sealReading(kit.key, first + n),
      }));
      const [result] = await producer.send([{ topic, partition: 0, messages }]);
      if (result?.status !== "confirmed") throw result?.error;
    }
  } finally {
    await producer.stop();
  }
  return topic;
}

/** What a device makes of a sensor's three values: some 150 bytes of SenML, 256 when padded, 314 as a record. */
function sealReading(key: RecordKey, n: number): Buffer {
  const sinceBootMs = n * READING_EVERY_MS;
  const timeMs = BOOTED_AT_MS + sinceBootMs;
  const pack = packTakenAt(
    [
      { n: "temperature", u: "Cel", v: 21.5 },
      { n: "humidity", u: "%RH", v: 48.2 },
      { n: "count", v: n },
    ],
    { wallMs: timeMs, boot: "AAECAwQFBgc", sinceBootMs, isSet: true },
  );
  const plaintext = Buffer.from(JSON.stringify(pack));
  return sealRecord({ key, seq: BigInt(n), timeMs, plaintext, padded: true });
}

async function readerCredential(operator: Operator, folder: string): Promise<string> {
  const [reader] = await operator.enrol([{ client: "analyst", topics: [TOPIC] }]);
  if (!reader) throw new VeilError("INTERNAL", "nobody was enrolled");
  const file = join(folder, "analyst.cred.json");
  await replaceSecretFile(file, encodeCredential(operator.credentialOf(reader)));
  return file;
}

const KINDS = ["sealed", "oneThread", "twoThreads", "batch", "message"] as const;
type Rounds = Record<(typeof KINDS)[number], ReaderResult[]>;

async function runRounds(
  { signal, progress }: BenchmarkContext,
  rounds: number,
  arguments_: Record<keyof Rounds, (round: number) => string[]>,
): Promise<Rounds> {
  const advance = progress("runs", KINDS.length * rounds);
  const results: Rounds = { sealed: [], oneThread: [], twoThreads: [], batch: [], message: [] };
  for (let round = 0; round < rounds; round++)
    for (const step of KINDS.keys()) {
      const kind = KINDS[(step + round) % KINDS.length] ?? "sealed";
      signal.throwIfAborted();
      results[kind].push(await runReader(arguments_[kind](round), signal));
      advance();
    }
  return results;
}

function findingsOf(rounds: Rounds, records: number): Findings {
  const { sealed, oneThread, twoThreads, batch, message } = rounds;
  const byClock = (results: readonly ReaderResult[]): number[] =>
    results.map((result) => result.records / result.seconds);
  const byProcessor = (results: readonly ReaderResult[]): number[] =>
    results.map((result) => result.records / result.processorSeconds);
  const row = (name: string, of: (results: readonly ReaderResult[]) => number[]) => [
    ...[name, median(of(sealed)), median(of(message)), median(of(batch))],
    ...[message, batch].map((bare) => percent(medianRatio(of(sealed), of(bare)))),
  ];
  return {
    summary:
      `${records.toLocaleString("en")} records of 314 bytes, one producer, one partition, read from the beginning in a process of ` +
      "its own for each run, by turns. *Ours* is the whole consumer: key released by the bridge, AES-256-GCM opened, JSON " +
      "validated, repeats marked, lines of NDJSON made (and thrown away), checkpoints written. *Bare* is kafkajs with an " +
      "`eachMessage`, or an `eachBatch`, that counts. Timed from the end of the first batch; medians of the rounds.",
    sections: [
      {
        heading: "Records a second",
        text: "The target is a quarter of bare, on one thread.",
        table: {
          columns: [
            ...["", "ours/s", "bare, eachMessage/s", "bare, eachBatch/s"],
            ...["ours of eachMessage", "ours of eachBatch"],
          ],
          rows: [row("by the clock", byClock), row("of one processor's time", byProcessor)],
        },
        note: movementOf([sealed, batch, message].map(byProcessor)),
      },
      {
        heading: "What threads add",
        text:
          "*Ours* once more, with `--threads`: records are opened there; headers, marks, JSON, lines and checkpoints stay where " +
          "they were. The processor's time is that of all threads together.",
        table: {
          columns: ["threads", "by the clock/s", "of none", "of one processor's time/s", "of none"],
          rows: [sealed, oneThread, twoThreads].map((results, threads) => [
            ...[String(threads), median(byClock(results))],
            percent(medianRatio(byClock(results), byClock(sealed))),
            median(byProcessor(results)),
            percent(medianRatio(byProcessor(results), byProcessor(sealed))),
          ]),
        },
        note: movementOf([sealed, oneThread, twoThreads].map(byClock)),
      },
    ],
  };
}

/**
 * Reads a topic to its end in a process of its own, as our consumer or as kafkajs's, and prints what it took as JSON:
 * from the first batch on, so that connecting, joining a group and fetching the key are not in it.
 *
 *   node reader-process.js sealed <credential file> <topic> <state folder> <records> <threads>
 *   node reader-process.js batch|message <broker,…> <Kafka topic> <group> <records>
 */
import { readFile } from "node:fs/promises";
import { type EachBatchPayload, Kafka, logLevel } from "kafkajs";
import { pino } from "pino";
import { Consumer } from "../../../agent/consumer/consumer.ts";
import { FORMATS } from "../../../agent/consumer/formats.ts";
import { FormattedSink } from "../../../agent/consumer/reading-sink.ts";
import { decodeCredential } from "../../../core/wire/credential.ts";

/** What one run took. */
export interface ReaderResult {
  /** Read within the time: all but the first batch's. */
  readonly records: number;
  readonly seconds: number;
  /** Of all threads. */
  readonly processorSeconds: number;
}

/** Begins to count behind the first batch, or the first message, and ends at the last record. */
class Stopwatch {
  readonly #total: number;
  readonly #onEnd: (result: ReaderResult) => void;
  #seen = 0;
  #first = 0;
  #startMs = 0;
  #used = process.cpuUsage();

  constructor(total: number, onEnd: (result: ReaderResult) => void) {
    this.#total = total;
    this.#onEnd = onEnd;
  }

  read(records: number): void {
    this.#seen += records;
    if (this.#first === 0) {
      this.#first = this.#seen;
      this.#startMs = performance.now();
      this.#used = process.cpuUsage();
    }
    if (this.#seen < this.#total) return;
    const { user, system } = process.cpuUsage(this.#used);
    this.#onEnd({
      records: this.#seen - this.#first,
      seconds: (performance.now() - this.#startMs) / 1000,
      processorSeconds: (user + system) / 1e6,
    });
  }
}

const [kind, where = "", topic = "", own = "", records = "", threads = "0"] = process.argv.slice(2);
const result = await (kind === "sealed" ? readSealed() : readBare());
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);

/** `veilmq consume` up to its output, checkpoints included; the lines are made and thrown away. */
async function readSealed(): Promise<ReaderResult> {
  const credential = decodeCredential(await readFile(where));
  const end = new AbortController();
  let ended: ReaderResult | undefined;
  const stopwatch = new Stopwatch(Number(records), (reached) => {
    ended = reached;
    end.abort();
  });
  const lines = {
    open: async () => undefined,
    write: async (text: string) => stopwatch.read(countLines(text)),
    flush: async () => null,
    close: async () => undefined,
  };
  const consumer = new Consumer({
    credential,
    topics: [topic],
    stateDir: own,
    from: "beginning",
    output: new FormattedSink(lines, FORMATS.ndjson),
    rejects: null,
    wait: false,
    threads: Number(threads),
    log: pino({ level: "warn" }, pino.destination(2)),
  });
  await consumer.run(end.signal);
  if (!ended) throw new Error("the consumer ended before the topic did");
  return ended;
}

function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}

/** kafkajs as it is, by its `eachBatch` or its `eachMessage`: counted, and the bytes touched by nobody. */
async function readBare(): Promise<ReaderResult> {
  const kafka = new Kafka({ brokers: where.split(","), logLevel: logLevel.ERROR });
  const consumer = kafka.consumer({ groupId: own });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  return new Promise((resolve, reject) => {
    const stopwatch = new Stopwatch(Number(records), resolve);
    const eachBatch = async ({ batch }: EachBatchPayload) => stopwatch.read(batch.messages.length);
    const eachMessage = async () => stopwatch.read(1);
    consumer.run(kind === "batch" ? { eachBatch } : { eachMessage }).catch(reject);
  });
}

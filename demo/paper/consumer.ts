/**
 * The report's consumer (Listings 13 to 16): encrypts the topic's name with EJ1, has the match find the topic and its
 * broker, and reads there as one of `groupConsumer`, from the committed offset on, or from the latest if there is none.
 *
 * The group is real where the figures need it: its offsets are committed to and fetched from Kafka's coordinator, and
 * nothing else tells a new process where the last one stopped. Membership (join, assignment, rebalance) only divides
 * partitions among members that run at the same time; the report never has two, and its topics have one partition.
 */
import { get } from "node:http";
import { text } from "node:stream/consumers";
import { z } from "zod";
import { EXIT, type ExitCode } from "../../cli/exit-codes.ts";
import { printLine } from "../../cli/messages.ts";
import { isVeilError, VeilError } from "../../core/errors.ts";
import { KafkaConsumer } from "../../core/ports/kafka/consumer.ts";
import type { KafkaMessage } from "../../core/ports/kafka/record-batch.ts";
import { Backoff } from "../../core/runtime/backoff.ts";
import { createLog } from "../../core/runtime/log.ts";
import { EJ1, enc } from "../../core/scheme/paper/client.ts";
import { parseJson } from "../../core/wire/fields.ts";
import { kafkaFrom } from "./clients.ts";
import {
  beginningLine,
  connectingLine,
  DONE,
  GROUP_ID,
  receivedLine,
  subscribeLine,
  trapdoorLine,
} from "./lines.ts";
import { play } from "./play.ts";

const MATCH_DEADLINE_MS = 30_000;
const RETRY = { minMs: 100, maxMs: 1000 };

const optionsSchema = z.object({
  /** Of the match server, "host:port". */
  match: z.string(),
  topic: z.string(),
  /** After it the consumer commits and stops. */
  lastOffset: z.int().min(0),
});
export type ConsumerRole = z.infer<typeof optionsSchema>;

const matchSchema = z.object({ topic_name: z.string(), brokerAddress: z.string() });

const log = createLog("consumer", "warn");

async function consume(options: ConsumerRole, signal: AbortSignal): Promise<ExitCode> {
  const trapdoor = enc(options.topic, EJ1);
  printLine(trapdoorLine(trapdoor));
  const answer = await askMatch(options.match, trapdoor);
  if (!answer.startsWith("{")) {
    printLine(answer);
    return EXIT.TOPIC_NOT_FOUND;
  }
  const { topic_name, brokerAddress } = parseJson(answer, matchSchema);
  printLine(connectingLine(brokerAddress));
  printLine(subscribeLine(topic_name));
  await read(topic_name, brokerAddress, options.lastOffset, signal);
  printLine(DONE);
  return EXIT.OK;
}

async function askMatch(match: string, trapdoor: string): Promise<string> {
  const url = `http://${match}/enc_match/${trapdoor}`;
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown): void =>
      reject(new VeilError("UNAVAILABLE", "the match server gave no answer", { cause }));
    const call = get(url, { signal: AbortSignal.timeout(MATCH_DEADLINE_MS) }, (response) => {
      if (response.statusCode === 200) text(response).then(resolve, failed);
      else failed(new Error(`HTTP ${response.statusCode}`));
    });
    call.on("error", failed);
  });
}

/** Reads until `lastOffset` or the end of `signal`; what was printed is committed. */
async function read(
  topic: string,
  brokerAddress: string,
  lastOffset: number,
  signal: AbortSignal,
): Promise<void> {
  const finished = new AbortController();
  const consumer = new KafkaConsumer({
    kafka: kafkaFrom(async () => [brokerAddress], log),
    groupId: GROUP_ID,
    // Kafka's default, auto.offset.reset=latest.
    startAt: async ({ committed, high }) => {
      const from = committed === undefined ? "latest" : "committed";
      const offset = committed ?? high;
      printLine(beginningLine({ offset: Number(offset), from }));
      return offset;
    },
    onBatch: async ({ partition, messages }) => {
      const wanted = messages.filter(({ offset }) => offset <= BigInt(lastOffset));
      for (const message of wanted) print(partition, message);
      const last = wanted.at(-1)?.offset;
      if (last !== undefined) await consumer.commit([{ topic, partition, offset: last + 1n }]);
      if (last === undefined || last === BigInt(lastOffset)) finished.abort();
    },
    onLost: async () => {
      throw new VeilError("NOT_FOUND", "the committed offset is no longer in Kafka");
    },
  });
  await subscribe(consumer, topic, signal);
  await consumer.run(AbortSignal.any([signal, finished.signal]));
  await consumer.stop();
}

/** The first consumer of a cluster waits until Kafka has made its topic of committed offsets. */
async function subscribe(
  consumer: KafkaConsumer,
  topic: string,
  signal: AbortSignal,
): Promise<void> {
  for (const backoff = new Backoff(RETRY); ; ) {
    try {
      return await consumer.addTopic(topic);
    } catch (error) {
      if (!isVeilError(error) || !error.retryable) throw error;
      if (!(await backoff.wait(signal))) throw new VeilError("STOPPED", "interrupted");
    }
  }
}

function print(partition: number, { offset, key, value }: KafkaMessage): void {
  if (!key || !value) throw new VeilError("BAD_RECORD", "a record without a key or a value");
  const record = { key: Number(key.readBigInt64BE()), value: value.toString("utf8") };
  printLine(receivedLine({ ...record, partition, offset: Number(offset) }));
}

await play(optionsSchema, consume);

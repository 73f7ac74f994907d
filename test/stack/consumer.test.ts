/** `veilmq consume --output --rejects` as its user has it: killed, taken over, in front of a gap and of garbage. */

import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Admin, logLevel, Kafka as PlainKafka } from "kafkajs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { KafkaProducer, type ProducerMessage } from "../../core/ports/kafka/producer.ts";
import type { KafkaMessage } from "../../core/ports/kafka/record-batch.ts";
import { scanPartition } from "../../core/ports/kafka/scan.ts";
import { NEVER } from "../../core/runtime/backoff.ts";
import { type Arrival, parseArrival, readingOf } from "../../demo/arrivals.ts";
import { demoConsumer } from "../../demo/demo-consumer.ts";
import type { GuardedProcess } from "../../demo/guarded-process.ts";
import { DemoStack, type RunningStack } from "../../demo/stack.ts";
import { Random } from "../faults/random.ts";
import { quick } from "../kms/fixture.ts";
import { sharedCluster } from "../support/cluster.ts";
import { sharedKafka } from "../support/kafka.ts";

const SEED = 3;
/** `npm run faults -- consumer` is the long run. */
const STOPS = 8;
const READINGS_PER_S = 100;
const WELL = { code: 0, signal: null };
const TOO_EARLY = { code: null, signal: "SIGTERM" };
/** Where they stand in a record (PROTOCOL.md §3). */
const KID_AT = 10;
const HIGH_BYTE_OF_SEQ_AT = 26;
const WAIT = { timeout: 60_000, interval: 200 };

const rejectSchema = z.strictObject({
  topic: z.string(),
  partition: z.literal(0),
  offset: z.number(),
  code: z.string(),
  reason: z.string(),
});
type RejectLine = z.output<typeof rejectSchema>;

let folder: string;
let stack: DemoStack;
let running: RunningStack;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "veilmq-consumer-"));
  const options = {
    brokers: 3,
    sensors: 2,
    rate: READINGS_PER_S,
    once: null,
    json: false,
    keep: null,
    zookeeper: sharedCluster().zookeeper,
  } as const;
  stack = new DemoStack({
    options,
    dir: join(folder, "stack"),
    keys: quick(),
    signal: NEVER,
    say: () => {},
  });
  running = await stack.start();
  // Its own consumer would commit offsets under the same group.
  await running.consumer.stop();
}, 180_000);

afterAll(async () => {
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A consumer of this file's one topic, with state and files of its own. */
class TestConsumer {
  readonly #folder: string;
  readonly #output: string;
  readonly #rejects: string;
  #process: GuardedProcess | undefined;

  constructor(name: string) {
    this.#folder = join(folder, name);
    this.#output = join(this.#folder, "output.ndjson");
    this.#rejects = join(this.#folder, "rejects.ndjson");
  }

  async start(): Promise<void> {
    this.#process ??= await demoConsumer({
      name: "the consumer",
      folder: this.#folder,
      credential: join(folder, "stack", "kms", "demo", "credentials", "analyst.cred.json"),
      topics: running.topics,
      files: { output: this.#output, rejects: this.#rejects },
    });
    await this.#process.spawn();
  }

  /** Resolves when more is in its output than at the call. */
  async goesOn(): Promise<void> {
    const size = async (): Promise<number> =>
      (await stat(this.#output).catch(() => null))?.size ?? 0;
    const before = await size();
    await vi.waitFor(async () => expect(await size()).toBeGreaterThan(before), WAIT);
  }

  /** Resolves when so many readings, or more, are in its output. */
  async has(readings: number): Promise<void> {
    await vi.waitFor(
      async () => expect((await linesOf(this.#output)).length).toBeGreaterThanOrEqual(readings),
      WAIT,
    );
  }

  async kill(): Promise<void> {
    await this.#process?.kill("SIGKILL");
  }

  /** Throws unless it ends well; or by the signal itself, where that comes before it listens to signals. */
  async stop(): Promise<void> {
    const exit = await this.#process?.stop();
    expect([WELL, TOO_EARLY]).toContainEqual(exit);
  }

  async readings(): Promise<Arrival[]> {
    return (await linesOf(this.#output)).map(parseArrival);
  }

  async rejects(): Promise<RejectLine[]> {
    return (await linesOf(this.#rejects)).map((line) => rejectSchema.parse(JSON.parse(line)));
  }

  /** What it logged with this message. */
  async logged(message: string): Promise<Record<string, unknown>[]> {
    const lines = await linesOf(join(this.#folder, "consumer.log"));
    // The command's own words, such as alerts, are beside the log.
    const logged = lines.filter((line) => line.startsWith("{"));
    return logged.map((line) => JSON.parse(line)).filter(({ msg }) => msg === message);
  }
}

/** The whole lines of a file; none if it is not there. */
async function linesOf(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").slice(0, -1);
}

/** Lets both sensors play for a while; how many readings each has written since the beginning. */
async function play(work: () => Promise<void>): Promise<Map<string, number>> {
  const playing = new AbortController();
  const sensors = running.agents.map(({ sensor }) => sensor);
  const played = sensors.map((sensor) => sensor.play(playing.signal));
  await work();
  playing.abort();
  await Promise.all(played);
  return new Map(sensors.map(({ serial, written }) => [serial, written]));
}

function countsOf(readings: readonly Arrival[], sensor: string): number[] {
  return readings
    .map(readingOf)
    .filter((reading) => reading.sensor === sensor)
    .map(({ count }) => count);
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Everything in the Kafka topic, once all that was written is there; and where it ends. */
async function recordsOf(topic: string): Promise<{ messages: KafkaMessage[]; end: bigint }> {
  for (const agent of running.agents)
    await vi.waitFor(
      async () =>
        expect(await agent.status()).toMatchObject({ taken: agent.sensor.written, pending: 0 }),
      WAIT,
    );
  const end = await withPlainAdmin(async (admin) => {
    const [partition] = await admin.fetchTopicOffsets(topic);
    return BigInt(partition?.high ?? 0);
  });
  const messages: KafkaMessage[] = [];
  const onBatch = async (batch: { messages: readonly KafkaMessage[] }): Promise<void> => {
    messages.push(...batch.messages);
  };
  await scanPartition(
    { kafka: sharedKafka(), topic, partition: 0, first: 0n, end, onBatch },
    NEVER,
  );
  return { messages, end };
}

/** As retention does, only sooner. */
async function deleteBefore(topic: string, offset: bigint): Promise<void> {
  await withPlainAdmin(async (admin) => {
    // Without it kafkajs does not know the topic's leader.
    await admin.fetchTopicOffsets(topic);
    const partitions = [{ partition: 0, offset: String(offset) }];
    await admin.deleteTopicRecords({ topic, partitions });
  });
}

async function withPlainAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
  const brokers = [...sharedCluster().brokers];
  const admin = new PlainKafka({ brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Writes to Kafka as nobody but a bridge may; the offset of the first message. */
async function inject(topic: string, messages: readonly ProducerMessage[]): Promise<bigint> {
  const producer = new KafkaProducer({ kafka: sharedKafka() });
  const [result] = await producer.send([{ topic, partition: 0, messages }]);
  await producer.stop();
  if (result?.status !== "confirmed") throw result?.error ?? new Error("no result");
  return result.baseOffset;
}

/** From the log, since a consumer alone knows which Kafka topic its topic is. */
async function kafkaTopicOf(consumer: TestConsumer): Promise<string> {
  const [line] = await consumer.logged("reading a topic");
  return z.object({ kafkaTopic: z.string() }).parse(line).kafkaTopic;
}

/** These tests go on where the one before them ended. */
describe("veilmq consume", () => {
  let first: TestConsumer;
  let second: TestConsumer;
  /** How much each sensor had written when the last test ended. */
  let before = new Map<string, number>();

  beforeAll(() => {
    first = new TestConsumer("first");
    second = new TestConsumer("second");
  });

  /** That `readings` are all that was written since the last test, once and in order. */
  function expectAllSince(readings: readonly Arrival[], written: ReadonlyMap<string, number>) {
    for (const [sensor, last] of written)
      expect(countsOf(readings, sensor)).toEqual(range((before.get(sensor) ?? 0) + 1, last));
    expect(new Set(readings.map(({ id }) => id)).size).toBe(readings.length);
  }

  test("--output has each of many readings once and in order, over many stops, half of them kill -9", async () => {
    const random = new Random(SEED);
    const written = await play(async () => {
      for (let stop = 0; stop < STOPS; stop += 1) {
        await first.start();
        // Mostly in the middle of reading, sometimes before that.
        if (random.next() < 0.8) await first.goesOn();
        await sleep(random.between(0, 1500));
        await (stop % 2 === 0 ? first.kill() : first.stop());
      }
      await first.start();
    });
    const total = sum(written);
    expect(total).toBeGreaterThan(1000);
    await first.has(total);
    await first.stop();
    expectAllSince(await first.readings(), written);
    expect(await first.rejects()).toEqual([]);
    before = written;
  }, 300_000);

  test("taken over without a checkpoint, it goes on where the group stood, and knows what was read", async () => {
    const topic = await kafkaTopicOf(first);
    const { messages } = await recordsOf(topic);
    const old = [0, messages.length >> 1, messages.length - 1].map((index) => messages[index]);
    await inject(
      topic,
      old.map((message) => ({ key: message?.key ?? null, value: message?.value ?? null })),
    );
    const written = await play(() => sleep(1000));
    await second.start();
    const fresh = sum(written) - sum(before);
    await second.has(fresh);
    await second.stop();
    expectAllSince(await second.readings(), written);
    expect(await second.logged("scanning what is not read")).toHaveLength(1);
    before = written;
  });

  test("--rejects has what is no record, or none that can be opened, and everything else goes on", async () => {
    const topic = await kafkaTopicOf(first);
    const { messages } = await recordsOf(topic);
    const real = messages.at(-1);
    if (!real?.value || !real.key) throw new Error("there is no record");
    const changed = (at: number): Buffer => {
      const value = Buffer.from(real.value ?? "");
      value.writeUInt8(value.readUInt8(at) ^ 1, at);
      return value;
    };
    const known = (await second.readings()).length;
    const at = Number(
      await inject(topic, [
        { key: real.key, value: randomBytes(100) },
        { key: null, value: real.value },
        { key: real.key, value: null },
        { key: real.key, value: changed(KID_AT) },
        { key: real.key, value: changed(HIGH_BYTE_OF_SEQ_AT) },
      ]),
    );
    const written = await play(() => sleep(1000));
    await second.start();
    const fresh = sum(written) - sum(before);
    await second.has(known + fresh);
    await second.stop();
    expectAllSince((await second.readings()).slice(known), written);
    const rejects = await second.rejects();
    expect(rejects.map(({ offset, code }) => [offset - at, code])).toEqual([
      [0, "BAD_RECORD"],
      [1, "BAD_RECORD"],
      [2, "BAD_RECORD"],
      [3, "BAD_KEY"],
      [4, "BAD_RECORD"],
    ]);
    expect(new Set(rejects.map((reject) => reject.topic))).toEqual(new Set([topic]));
    before = written;
  });

  test("an offset that is gone is reported with the count, and what is still there is read", async () => {
    const KEPT = 50;
    const topic = await kafkaTopicOf(first);
    const stood = (await recordsOf(topic)).end;
    const known = (await second.readings()).length;
    await play(() => sleep(1000));
    const { messages, end } = await recordsOf(topic);
    await deleteBefore(topic, end - BigInt(KEPT));
    await second.start();
    await second.has(known + KEPT);
    await second.stop();
    const kept = (await second.readings()).slice(known).map(({ offset }) => offset);
    expect(kept).toEqual(messages.slice(-KEPT).map(({ offset }) => Number(offset)));
    expect(await second.logged("Kafka has deleted records that were not read yet")).toMatchObject([
      { wanted: Number(stood), low: Number(end) - KEPT, lost: Number(end - stood) - KEPT },
    ]);
  });
});

function sum(written: ReadonlyMap<string, number>): number {
  return [...written.values()].reduce((total, count) => total + count, 0);
}

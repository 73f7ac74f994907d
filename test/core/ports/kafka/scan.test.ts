import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KafkaProducer } from "../../../../core/ports/kafka/producer.ts";
import { scanPartition, TopicScan } from "../../../../core/ports/kafka/scan.ts";
import { batchOf, kafkaAt, makeTopic, sendAll, sharedKafka } from "../../../support/kafka.ts";

let producer: KafkaProducer;
beforeAll(() => {
  producer = new KafkaProducer({ kafka: sharedKafka() });
});
afterAll(() => producer.stop());

const never = new AbortController().signal;

describe("scanPartition", () => {
  test.each([
    [0n, 0n, []],
    [0n, 3n, ["0", "1", "2"]],
    [0n, 5n, ["0", "1", "2", "3", "4"]],
    [3n, 5n, ["3", "4"]],
    [5n, 5n, []],
  ])("reads from offset %s up to %s", async (first, end, expected) => {
    const topic = await makeTopic(sharedKafka());
    await sendAll(producer, topic, ["0", "1", "2", "3", "4"]);
    const values: string[] = [];
    const onBatch = async ({ messages }: { messages: readonly { value: Buffer | null }[] }) => {
      values.push(...messages.map(({ value }) => String(value)));
    };
    await scanPartition({ kafka: sharedKafka(), topic, partition: 0, first, end, onBatch }, never);
    expect(values).toEqual(expected);
  });

  test("throws what the handler throws, and STOPPED when it is interrupted", async () => {
    const topic = await makeTopic(sharedKafka());
    await sendAll(producer, topic, ["0"]);
    const failing = new Error("no");
    const onBatch = async (): Promise<void> => {
      throw failing;
    };
    const options = { kafka: sharedKafka(), topic, partition: 0, first: 0n, end: 1n, onBatch };
    await expect(scanPartition(options, never)).rejects.toBe(failing);
    const away = { ...options, kafka: kafkaAt(["127.0.0.1:1"]) };
    const stopped = scanPartition(away, AbortSignal.timeout(300));
    await expect(stopped).rejects.toMatchObject({ code: "STOPPED" });
  });
});

describe("TopicScan", () => {
  function follow(topic: string, from?: ReadonlyMap<number, bigint>) {
    const values: string[] = [];
    const end = new AbortController();
    const scan = new TopicScan({
      kafka: sharedKafka(),
      topic,
      ...(from && { from }),
      onBatch: async ({ messages }) => {
        await sleep(20);
        values.push(...messages.map(({ value }) => String(value)));
      },
      onLost: async () => undefined,
    });
    const done = scan.run(end.signal);
    const stop = (): Promise<void> => {
      end.abort();
      return done;
    };
    return { scan, values, stop };
  }

  test("has handed over everything acknowledged when readToEnd resolves, again and again", async () => {
    const topic = await makeTopic(sharedKafka(), { partitions: 3, replication: 3 });
    const { scan, values, stop } = follow(topic);
    await scan.readToEnd(AbortSignal.timeout(30_000));
    expect(values).toEqual([]);
    for (let round = 1; round <= 10; round++) {
      await producer.send([0, 1, 2].map((partition) => batchOf(topic, partition, [`${round}`])));
      await scan.readToEnd(AbortSignal.timeout(30_000));
      expect(values).toHaveLength(3 * round);
    }
    await stop();
  });

  test("resumes where it is told, partition by partition", async () => {
    const topic = await makeTopic(sharedKafka(), { partitions: 2 });
    await producer.send([batchOf(topic, 0, ["a", "b"]), batchOf(topic, 1, ["c", "d"])]);
    const { scan, values, stop } = follow(topic, new Map([[1, 1n]]));
    await scan.readToEnd(AbortSignal.timeout(30_000));
    expect(values.sort()).toEqual(["a", "b", "d"]);
    await stop();
  });

  test("readToEnd fails while nobody reads, in the caller's time", async () => {
    const topic = await makeTopic(sharedKafka());
    await sendAll(producer, topic, ["a"]);
    const idle = new TopicScan({
      kafka: sharedKafka(),
      topic,
      onBatch: async () => undefined,
      onLost: async () => undefined,
    });
    await expect(idle.readToEnd(AbortSignal.timeout(200))).rejects.toMatchObject({
      code: "TIMEOUT",
    });
    await idle.run(AbortSignal.abort());
  });

  test("gives up at once on a topic that does not exist", async () => {
    const missing = new TopicScan({
      kafka: sharedKafka(),
      topic: "veil-test-none",
      onBatch: async () => undefined,
      onLost: async () => undefined,
    });
    await expect(missing.run(never)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type ConsumerOptions,
  KafkaConsumer,
  type StartQuestion,
} from "../../../../core/ports/kafka/consumer.ts";
import { KafkaProducer } from "../../../../core/ports/kafka/producer.ts";
import { NEVER } from "../../../../core/runtime/backoff.ts";
import { freshName } from "../../../support/cluster.ts";
import { batchOf, makeTopic, sharedKafka } from "../../../support/kafka.ts";
import { until } from "../../../support/until.ts";

let producer: KafkaProducer;
beforeAll(() => {
  producer = new KafkaProducer({ kafka: sharedKafka() });
});
afterAll(() => producer.stop());

function consume(groupId: string, options: Partial<ConsumerOptions> = {}) {
  const seen: string[] = [];
  const questions: StartQuestion[] = [];
  const end = new AbortController();
  const consumer = new KafkaConsumer({
    kafka: sharedKafka(),
    groupId,
    startAt: async (question) => {
      questions.push(question);
      return question.committed ?? question.low;
    },
    onBatch: async ({ partition, messages }) => {
      seen.push(...messages.map(({ value }) => `${partition}:${value}`));
    },
    onLost: async () => undefined,
    ...options,
  });
  const done = consumer.run(end.signal);
  const stop = async (): Promise<void> => {
    end.abort();
    await done;
    await consumer.stop();
  };
  return { consumer, seen, questions, stop };
}

describe("KafkaConsumer", () => {
  test("asks where to start, reads all partitions, and resumes at what it committed", async () => {
    const topic = await makeTopic(sharedKafka(), { partitions: 2, replication: 3 });
    await producer.send([batchOf(topic, 0, ["a", "b", "c"]), batchOf(topic, 1, ["d"])]);
    const groupId = freshName("veil-group");

    const first = consume(groupId);
    await first.consumer.addTopic(topic);
    await first.consumer.addTopic(topic);
    await until(() => first.seen.length === 4);
    expect(first.seen.sort()).toEqual(["0:a", "0:b", "0:c", "1:d"]);
    expect(first.questions).toMatchObject([
      { topic, partition: 0, low: 0n, high: 3n, committed: undefined },
      { topic, partition: 1, low: 0n, high: 1n, committed: undefined },
    ]);
    await first.consumer.commit([{ topic, partition: 0, offset: 2n }]);
    await first.stop();

    const second = consume(groupId);
    await second.consumer.addTopic(topic);
    await until(() => second.seen.length === 2);
    expect(second.seen.sort()).toEqual(["0:c", "1:d"]);
    expect(second.questions.map(({ committed }) => committed)).toEqual([2n, undefined]);
    second.consumer.removeTopic(topic);
    await producer.send([batchOf(topic, 0, ["unheard"])]);
    await sleep(700);
    expect(second.seen).toHaveLength(2);
    await second.stop();
  });

  test("commits several partitions of several topics at once", async () => {
    const kafka = sharedKafka();
    const topics = [await makeTopic(kafka, { partitions: 2 }), await makeTopic(kafka)];
    const [wide = "", narrow = ""] = topics;
    const { consumer, questions, stop } = consume(freshName("veil-group"));
    await consumer.commit([]);
    await consumer.commit([
      { topic: wide, partition: 0, offset: 5n },
      { topic: narrow, partition: 0, offset: 6n },
      { topic: wide, partition: 1, offset: 7n },
    ]);
    for (const topic of topics) await consumer.addTopic(topic);
    expect(questions.map(({ committed }) => committed)).toEqual([5n, 7n, 6n]);
    await stop();
  });

  test("knows when everything has been handed over that was there", async () => {
    const topic = await makeTopic(sharedKafka(), { partitions: 2 });
    await producer.send([batchOf(topic, 0, ["a", "b"]), batchOf(topic, 1, ["c"])]);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const seen: string[] = [];
    const { consumer, stop } = consume(freshName("veil-group"), {
      onBatch: async ({ partition, messages }) => {
        if (partition === 1) await held;
        seen.push(...messages.map(({ value }) => String(value)));
      },
    });
    await consumer.readToEnd(topic, NEVER);
    await consumer.addTopic(topic);
    const order: string[] = [];
    const reading = consumer.readToEnd(topic, NEVER).then(() => order.push("all"));
    await until(() => seen.length === 2);
    order.push("released");
    release();
    await reading;
    expect(order).toEqual(["released", "all"]);
    expect(seen).toEqual(["a", "b", "c"]);
    // What comes later is waited for by who asks later.
    await producer.send([batchOf(topic, 0, ["d"])]);
    await consumer.readToEnd(topic, NEVER);
    expect(seen).toEqual(["a", "b", "c", "d"]);
    await stop();
  });

  test("waits for nothing of a topic that is removed, or when it is stopped", async () => {
    const topic = await makeTopic(sharedKafka());
    await producer.send([batchOf(topic, 0, ["a"])]);
    const end = new AbortController();
    let release = (): void => undefined;
    const { consumer, stop } = consume(freshName("veil-group"), {
      onBatch: () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    });
    await consumer.addTopic(topic);
    const stopped = consumer.readToEnd(topic, end.signal);
    end.abort();
    await expect(stopped).rejects.toMatchObject({ code: "STOPPED" });
    const removed = consumer.readToEnd(topic, NEVER);
    await sleep(200);
    consumer.removeTopic(topic);
    await removed;
    release();
    await stop();
  });

  test("throws for a topic that is not there, and for what startAt throws", async () => {
    const failing = new Error("no");
    const { consumer, stop } = consume(freshName("veil-group"), {
      startAt: async () => {
        throw failing;
      },
    });
    await expect(consumer.addTopic("veil-test-none")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(consumer.addTopic(await makeTopic(sharedKafka()))).rejects.toBe(failing);
    await stop();
  });
});

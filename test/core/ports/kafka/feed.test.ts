import { setTimeout as sleep } from "node:timers/promises";
import { Kafka as PlainKafka } from "kafkajs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VeilError } from "../../../../core/errors.ts";
import { KafkaAdmin } from "../../../../core/ports/kafka/admin.ts";
import { Brokers } from "../../../../core/ports/kafka/brokers.ts";
import {
  Feed,
  type FeedBatch,
  type FeedOptions,
  type OffsetLost,
} from "../../../../core/ports/kafka/feed.ts";
import { KafkaProducer } from "../../../../core/ports/kafka/producer.ts";
import { freshName, sharedCluster } from "../../../support/cluster.ts";
import { batchOf, makeTopic, sendAll, sharedKafka } from "../../../support/kafka.ts";
import { until } from "../../../support/until.ts";

let producer: KafkaProducer;
beforeAll(() => {
  producer = new KafkaProducer({ kafka: sharedKafka() });
});
afterAll(() => producer.stop());

/** A feed that notes what it hears; `until` waits for it to have heard something. */
function listen(options: Partial<FeedOptions> = {}) {
  const values: string[] = [];
  const batches: FeedBatch[] = [];
  const losses: OffsetLost[] = [];
  const troubles: (string | undefined)[] = [];
  const positions = new Map<string, bigint>();
  const end = new AbortController();
  const feed = new Feed({
    kafka: sharedKafka(),
    onBatch: async (batch) => {
      batches.push(batch);
      values.push(...batch.messages.map(({ value }) => String(value)));
    },
    onLost: async (loss) => {
      losses.push(loss);
    },
    onTrouble: (_topic, _partition, error) => troubles.push(error?.code),
    onPosition: (topic, partition, offset) => positions.set(`${topic}/${partition}`, offset),
    ...options,
  });
  const done = feed.run(end.signal);
  done.catch(() => undefined);
  const stop = (): Promise<void> => {
    end.abort();
    return done;
  };
  return { feed, values, batches, losses, troubles, positions, done, stop };
}

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => String(from + index));

/** Two partitions that the same broker leads: there are fewer brokers than partitions. */
async function twoOfOneBroker(topic: string): Promise<[number, number]> {
  const brokers = new Brokers({ kafka: sharedKafka() });
  const find = await brokers.findLeaders([topic]);
  const leaders = numbers(0, 6).map((p) => JSON.stringify(find(topic, Number(p))));
  brokers.stop();
  const second = leaders.findIndex((leader, p) => leaders.indexOf(leader) < p);
  return [leaders.indexOf(leaders[second] ?? ""), second];
}

describe("Feed", () => {
  test("delivers from the offset on, in order, and follows what comes", async () => {
    const topic = await makeTopic(sharedKafka(), { replication: 3 });
    await sendAll(producer, topic, numbers(0, 100));
    const heard = listen();
    heard.feed.add({ topic, partition: 0, offset: 40n });
    await until(() => heard.values.length === 60);
    for (let n = 100; n < 110; n++) await sendAll(producer, topic, [String(n)]);
    await until(() => heard.values.length === 70);
    await heard.stop();
    expect(heard.values).toEqual(numbers(40, 110));
    const [first] = heard.batches;
    expect(first).toMatchObject({ topic, partition: 0, highWatermark: 100n });
    expect(first?.messages[0]).toMatchObject({ offset: 40n, key: Buffer.from("k40") });
    expect(Math.abs((first?.messages[0]?.timestampMs ?? 0) - Date.now())).toBeLessThan(60_000);
    expect(heard.troubles).toEqual([]);
  });

  test("reads many partitions of many leaders through small answers", async () => {
    const kafka = sharedKafka();
    const topics = [
      await makeTopic(kafka, { partitions: 6, replication: 3 }),
      await makeTopic(kafka, { partitions: 6 }),
    ];
    const pairs = topics.flatMap((topic) =>
      numbers(0, 6).map((p) => ({ topic, partition: Number(p) })),
    );
    for (const round of [0, 1, 2])
      await producer.send(
        pairs.map(({ topic, partition }) =>
          batchOf(topic, partition, numbers(100 * round, 100 * round + 100)),
        ),
      );
    const heard = listen({ maxBytes: 3000, maxPartitionBytes: 1000 });
    for (const pair of pairs) heard.feed.add({ ...pair, offset: 0n });
    await until(() => heard.values.length === pairs.length * 300);
    await heard.stop();
    for (const { topic, partition } of pairs) {
      const mine = heard.batches.filter((b) => b.topic === topic && b.partition === partition);
      const offsets = mine.flatMap(({ messages }) => messages.map(({ offset }) => Number(offset)));
      expect(offsets).toEqual(numbers(0, 300).map(Number));
      expect(heard.positions.get(`${topic}/${partition}`)).toBe(300n);
    }
  });

  test("waits for the handler of a partition, and meanwhile reads the others", async () => {
    const topic = await makeTopic(sharedKafka(), { partitions: 2 });
    for (const value of ["a", "b"])
      await producer.send([0, 1].map((p) => batchOf(topic, p, [value])));
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const seen: string[] = [];
    const heard = listen({
      maxPartitionBytes: 1,
      onBatch: async ({ partition, messages }) => {
        seen.push(...messages.map(({ value }) => `${partition}${value}`));
        if (partition === 0) await held;
      },
    });
    heard.feed.add({ topic, partition: 0, offset: 0n });
    heard.feed.add({ topic, partition: 1, offset: 0n });
    await until(() => seen.includes("1b"));
    await sleep(200);
    expect(seen).toContain("0a");
    expect(seen).not.toContain("0b");
    release();
    await until(() => seen.includes("0b"));
    await heard.stop();
    expect(seen).toHaveLength(4);
  });

  test("reads a partition that is added while another of the same broker waits for it", async () => {
    const topic = await makeTopic(sharedKafka(), { partitions: 6 });
    const [first, second] = await twoOfOneBroker(topic);
    await producer.send([first, second].map((p) => batchOf(topic, p, [`of ${p}`])));
    const seen: string[] = [];
    const heard = listen({
      onBatch: async ({ partition, messages }) => {
        seen.push(...messages.map(({ value }) => String(value)));
        if (partition === first) await until(() => seen.length === 2);
      },
    });
    heard.feed.add({ topic, partition: first, offset: 0n });
    await until(() => seen.length === 1);
    // Its broker is asked for nothing any more.
    await sleep(200);
    heard.feed.add({ topic, partition: second, offset: 0n });
    await until(() => seen.length === 2);
    await heard.stop();
    expect(seen).toEqual([`of ${first}`, `of ${second}`]);
  });

  test("says that it is at the end only when nothing is left, and with no handler", async () => {
    const topic = await makeTopic(sharedKafka());
    await sendAll(producer, topic, ["0"]);
    const events: string[] = [];
    let release: () => void = () => undefined;
    const heard = listen({
      onBatch: async () => {
        events.push("batch");
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        events.push("done");
      },
      onEnd: () => events.push("end"),
    });
    heard.feed.add({ topic, partition: 0, offset: 0n });
    await until(() => events.includes("batch"));
    await sleep(1000);
    release();
    await until(() => events.includes("end"));
    await heard.stop();
    expect(events.slice(0, 3)).toEqual(["batch", "done", "end"]);
  });

  test("ends when the handler is done, and delivers nothing afterwards", async () => {
    const topic = await makeTopic(sharedKafka());
    await sendAll(producer, topic, ["a"]);
    const steps: string[] = [];
    const heard = listen({
      onBatch: async () => {
        steps.push("begin");
        await sleep(300);
        steps.push("end");
      },
    });
    heard.feed.add({ topic, partition: 0, offset: 0n });
    await until(() => steps.length === 1);
    await sendAll(producer, topic, ["b"]);
    await heard.stop();
    expect(steps).toEqual(["begin", "end"]);
  });

  test("ends with what the handler throws", async () => {
    const topic = await makeTopic(sharedKafka());
    await sendAll(producer, topic, ["a"]);
    const heard = listen({
      onBatch: async () => {
        throw new VeilError("DISK", "full");
      },
    });
    heard.feed.add({ topic, partition: 0, offset: 0n });
    await expect(heard.done).rejects.toMatchObject({ code: "DISK" });
  });

  test("can be sent elsewhere, and told to leave a partition", async () => {
    const topic = await makeTopic(sharedKafka());
    await sendAll(producer, topic, numbers(0, 10));
    const heard = listen();
    heard.feed.add({ topic, partition: 0, offset: 8n });
    await until(() => heard.values.length === 2);
    heard.feed.add({ topic, partition: 0, offset: 5n });
    await until(() => heard.values.length === 7);
    heard.feed.remove(topic, 0);
    await sendAll(producer, topic, ["unheard"]);
    await sleep(700);
    await heard.stop();
    expect(heard.values).toEqual([...numbers(8, 10), ...numbers(5, 10)]);
  });

  test("reports offsets that were deleted, with their count, and goes on", async () => {
    const topic = await makeTopic(sharedKafka());
    await sendAll(producer, topic, numbers(0, 20));
    await deleteBefore(topic, 15);
    const heard = listen();
    heard.feed.add({ topic, partition: 0, offset: 4n });
    await until(() => heard.values.length === 5);
    await heard.stop();
    expect(heard.losses).toEqual([
      { topic, partition: 0, wanted: 4n, low: 15n, high: 20n, lost: 11n },
    ]);
    expect(heard.values).toEqual(numbers(15, 20));
  });

  test("reads a log that is shorter than what was read from its beginning, when that is sure", async () => {
    const topic = await makeTopic(sharedKafka());
    await sendAll(producer, topic, ["anew"]);
    const heard = listen();
    heard.feed.add({ topic, partition: 0, offset: 1000n });
    await sleep(500);
    expect(heard.losses).toEqual([]);
    await until(() => heard.values.length === 1, 50_000);
    await heard.stop();
    expect(heard.losses).toEqual([
      { topic, partition: 0, wanted: 1000n, low: 0n, high: 1n, lost: 0n },
    ]);
  });

  test("reads on over what compaction removed", async () => {
    const config = {
      "cleanup.policy": "compact",
      "segment.ms": "100",
      "min.cleanable.dirty.ratio": "0.01",
      "delete.retention.ms": "0",
      "max.compaction.lag.ms": "100",
    };
    const topic = await makeTopic(sharedKafka(), { config });
    for (let round = 0; round < 4; round++) {
      await producer.send([batchOf(topic, 0, numbers(10 * round, 10 * round + 10))]);
      await sleep(150);
    }
    const read = async (): Promise<string[]> => {
      const heard = listen();
      heard.feed.add({ topic, partition: 0, offset: 0n });
      await until(() => heard.positions.get(`${topic}/0`) === 40n);
      await heard.stop();
      expect(heard.values.slice(-10)).toEqual(numbers(30, 40));
      expect(heard.losses).toEqual([]);
      return heard.values;
    };
    // The cleaner comes every second (log.cleaner.backoff.ms), if the machine lets it.
    await expect.poll(read, { timeout: 50_000, interval: 500 }).not.toHaveLength(40);
  });

  test("waits for a topic that does not exist yet, and says so once", async () => {
    const topic = freshName("veil-test");
    const heard = listen();
    heard.feed.add({ topic, partition: 0, offset: 0n });
    await until(() => heard.troubles.length > 0);
    await sleep(500);
    const admin = new KafkaAdmin({ kafka: sharedKafka() });
    await admin.ensureTopic({ topic, partitions: 1, replication: 1, config: {} });
    await admin.stop();
    await sendAll(producer, topic, ["first"]);
    await until(() => heard.values.length === 1);
    await heard.stop();
    expect(heard.troubles).toEqual(["NOT_FOUND", undefined]);
  });
});

async function deleteBefore(topic: string, offset: number): Promise<void> {
  const plain = new PlainKafka({ brokers: [...sharedCluster().brokers], logLevel: 0 });
  const admin = plain.admin();
  await admin.connect();
  // Without it kafkajs does not know the topic's leader.
  await admin.fetchTopicOffsets(topic);
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] });
  await admin.disconnect();
}

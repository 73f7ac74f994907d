import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { KafkaAdmin } from "../../../../core/ports/kafka/admin.ts";
import { KafkaProducer } from "../../../../core/ports/kafka/producer.ts";
import { freshName, sharedCluster } from "../../../support/cluster.ts";
import { batchOf, sharedKafka } from "../../../support/kafka.ts";

let admin: KafkaAdmin;
beforeAll(() => {
  admin = new KafkaAdmin({ kafka: sharedKafka() });
});
afterAll(() => admin.stop());

const spec = { partitions: 2, replication: 3, config: { "min.insync.replicas": "2" } };

describe("KafkaAdmin", () => {
  test("describes the cluster", async () => {
    const { brokers, hasController } = await admin.describeCluster();
    expect([...brokers].sort()).toEqual([...sharedCluster().brokers].sort());
    expect(hasController).toBe(true);
  });

  test("creates a topic once, whoever asks and however often", async () => {
    const topic = freshName("veil-test");
    const outcomes = await Promise.all([1, 2, 3].map(() => admin.ensureTopic({ topic, ...spec })));
    expect(outcomes.sort()).toEqual(["created", "exists", "exists"]);
    expect(await admin.ensureTopic({ topic, ...spec, partitions: 7 })).toBe("exists");

    const { partitions, config } = await admin.describeTopic(topic);
    expect(partitions.map(({ partition }) => partition).sort()).toEqual([0, 1]);
    for (const { replicas, leader } of partitions) {
      expect([...replicas].sort()).toEqual([1, 2, 3]);
      expect(replicas).toContain(leader);
    }
    expect(config).toMatchObject({ "min.insync.replicas": "2", "cleanup.policy": "delete" });
  });

  test("describes a topic as soon as it is made, while brokers that hold nothing of it have not heard of it", async () => {
    const admins = [1, 2, 3, 4, 5, 6].map(() => new KafkaAdmin({ kafka: sharedKafka() }));
    onTestFinished(async () => {
      for (const admin of admins) await admin.stop();
    });
    const described = async (topic: string, admin: KafkaAdmin) => {
      await admin.ensureTopic({ topic, partitions: 1, replication: 1, config: {} });
      return admin.describeTopic(topic);
    };
    for (let round = 0; round < 25; round += 1) {
      const topics = [1, 2, 3, 4].map(() => freshName("veil-test"));
      const all = topics.flatMap((topic) => admins.map((admin) => described(topic, admin)));
      for (const { partitions } of await Promise.all(all)) expect(partitions).toHaveLength(1);
      await Promise.all(topics.map((topic) => admins[0]?.deleteTopic(topic)));
    }
  });

  test("says where partitions begin and end", async () => {
    const topic = freshName("veil-test");
    await admin.ensureTopic({ topic, ...spec });
    const producer = new KafkaProducer({ kafka: sharedKafka() });
    await producer.send([batchOf(topic, 1, ["a", "b", "c"])]);
    await producer.stop();
    expect(await admin.listOffsets(topic)).toEqual([
      { partition: 0, low: 0n, high: 0n },
      { partition: 1, low: 0n, high: 3n },
    ]);
  });

  test("deletes a topic", async () => {
    const topic = freshName("veil-test");
    await admin.ensureTopic({ topic, ...spec });
    expect(await admin.deleteTopic(topic)).toBe(true);
    expect(await admin.deleteTopic(topic)).toBe(false);
    await expect(admin.describeTopic(topic)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(admin.listOffsets(topic)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test.each([
    ["more replicas than brokers", { replication: 9 }, "UNAVAILABLE"],
    ["a setting that does not exist", { config: { "no.such.setting": "1" } }, "CONFIG"],
    ["no partitions", { partitions: 0 }, "CONFIG"],
  ])("refuses %s, without naming the topic", async (_what, change, code) => {
    const topic = freshName("veil-test");
    const error: unknown = await admin.ensureTopic({ topic, ...spec, ...change }).catch((e) => e);
    expect(error).toMatchObject({ code });
    expect(String(error)).not.toContain(topic);
  });
});

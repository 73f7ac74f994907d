import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KafkaAdmin } from "../../../../core/ports/kafka/admin.ts";
import {
  KafkaProducer,
  MAX_BATCH_BYTES,
  RECORD_OVERHEAD_BYTES,
} from "../../../../core/ports/kafka/producer.ts";
import { batchOf, kafkaAt, makeTopic, sendAll, sharedKafka } from "../../../support/kafka.ts";

let producer: KafkaProducer;
beforeAll(() => {
  producer = new KafkaProducer({ kafka: sharedKafka() });
});
afterAll(() => producer.stop());

describe("KafkaProducer", () => {
  test("confirms each partition with the offset that Kafka gave", async () => {
    const kafka = sharedKafka();
    const topics = await Promise.all([
      makeTopic(kafka, { partitions: 6, replication: 3 }),
      makeTopic(kafka, { partitions: 6, replication: 3 }),
    ]);
    const batches = topics.flatMap((topic) =>
      [0, 1, 2, 3, 4, 5].map((partition) => batchOf(topic, partition, ["a", "b"])),
    );
    for (const baseOffset of [0n, 2n]) {
      const results = await producer.send(batches);
      expect(results).toEqual(
        batches.map(({ topic, partition }) => {
          return { status: "confirmed", topic, partition, baseOffset };
        }),
      );
    }
  });

  test("fails the partition that is to blame, and no other", async () => {
    const kafka = sharedKafka();
    const good = await makeTopic(kafka, { partitions: 3 });
    const tight = await makeTopic(kafka, {
      partitions: 3,
      config: { "max.message.bytes": "1000" },
    });
    const missing = "veil-test-never-made";
    const results = await producer.send([
      ...[0, 1, 2].map((partition) => batchOf(good, partition, ["fits"])),
      ...[0, 1, 2].map((partition) => batchOf(tight, partition, ["x".repeat(2000)])),
      batchOf(missing, 0, ["lost"]),
      batchOf(good, 3, ["no such partition"]),
    ]);
    const codes = results.map((r) => (r.status === "failed" ? r.error.code : r.status));
    const tooLarge = ["TOO_LARGE", "TOO_LARGE", "TOO_LARGE"];
    const ok = ["confirmed", "confirmed", "confirmed"];
    expect(codes).toEqual([...ok, ...tooLarge, "NOT_FOUND", "NOT_FOUND"]);
    const retryable = results.map((r) => r.status === "failed" && r.error.retryable);
    expect(retryable).not.toContain(true);
    for (const result of results)
      if (result.status === "failed") expect(result.error.message).not.toMatch(/veil-/);
  });

  test("takes a batch of MAX_BATCH_BYTES", async () => {
    const topic = await makeTopic(sharedKafka());
    const size = 1000;
    const count = Math.floor(MAX_BATCH_BYTES / (size + RECORD_OVERHEAD_BYTES + 5));
    expect(await sendAll(producer, topic, new Array(count).fill("x".repeat(size)))).toBe(0n);
    expect(await sendAll(producer, topic, ["after"])).toBe(BigInt(count));
  });

  test("is not poisoned by a topic that was deleted", async () => {
    const kafka = sharedKafka();
    const [doomed, other] = [await makeTopic(kafka), await makeTopic(kafka)];
    await sendAll(producer, doomed, ["1"]);
    const admin = new KafkaAdmin({ kafka });
    expect(await admin.deleteTopic(doomed)).toBe(true);
    await admin.stop();
    const deadline = Date.now() + 30_000;
    for (;;) {
      const [gone, fine] = await producer.send([
        batchOf(doomed, 0, ["2"]),
        batchOf(other, 0, ["2"]),
      ]);
      expect(fine?.status).toBe("confirmed");
      if (gone?.status === "failed" && gone.error.code === "NOT_FOUND") break;
      expect(Date.now()).toBeLessThan(deadline);
    }
  });

  test("refuses two batches of one partition", async () => {
    const batch = batchOf("any", 0, ["1"]);
    await expect(producer.send([batch, { ...batch }])).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
    });
  });

  test("reports what cannot be reached as retryable, and STOPPED as final", async () => {
    const nowhere = new KafkaProducer({ kafka: kafkaAt(["127.0.0.1:1"]) });
    const [unreachable] = await nowhere.send([batchOf("any", 0, ["1"])]);
    expect(unreachable).toMatchObject({
      status: "failed",
      error: { code: "DISCONNECTED", retryable: true },
    });
    await nowhere.stop();
    const [stopped] = await nowhere.send([batchOf("any", 0, ["1"])]);
    expect(stopped).toMatchObject({
      status: "failed",
      error: { code: "STOPPED", retryable: false },
    });
  });
});

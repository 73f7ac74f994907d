/** Against the real cluster: what Kafka writes to ZooKeeper, and what becomes of it here. */
import { Kafka, logLevel } from "kafkajs";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import { BrokerList } from "../../../bridge/brokers/broker-list.ts";
import { TopicLeaders } from "../../../bridge/brokers/topic-leaders.ts";
import { ZooKeeper } from "../../../core/ports/zookeeper/zookeeper.ts";
import { freePorts } from "../../../demo/cluster/ports.ts";
import { freshName, sharedCluster } from "../../support/cluster.ts";

const cluster = sharedCluster();
const FIRST_READ_TIMEOUT_MS = 15_000;

async function openZooKeeper(server = cluster.zookeeper): Promise<ZooKeeper> {
  const zookeeper = new ZooKeeper({
    servers: [server],
    sessionTimeoutMs: 15_000,
    callTimeoutMs: 10_000,
    log: pino({ level: "silent" }),
  });
  await zookeeper.start();
  onTestFinished(() => zookeeper.stop());
  return zookeeper;
}

interface Opened {
  readonly brokers: BrokerList;
  readonly topics: TopicLeaders;
  /** Everything logged. */
  readonly lines: string[];
}

async function open(
  zookeeper: ZooKeeper,
  options: { kafkaRoot?: string; listener?: string; maxTopics?: number; timeoutMs?: number } = {},
): Promise<Opened> {
  const lines: string[] = [];
  const log = pino({ level: "debug" }, { write: (line: string) => void lines.push(line) });
  const shared = {
    zookeeper,
    log,
    firstReadTimeoutMs: options.timeoutMs ?? FIRST_READ_TIMEOUT_MS,
    ...(options.kafkaRoot !== undefined && { kafkaRoot: options.kafkaRoot }),
  };
  const brokers = new BrokerList({
    ...shared,
    endpoint: { listener: options.listener, securityProtocol: "PLAINTEXT" },
  });
  const topics = new TopicLeaders({ ...shared, brokers, maxTopics: options.maxTopics ?? 100 });
  await brokers.start();
  onTestFinished(async () => {
    await topics.stop();
    await brokers.stop();
  });
  return { brokers, topics, lines };
}

function registration(endpoint: string): Buffer {
  return Buffer.from(JSON.stringify({ endpoints: [endpoint], version: 5 }));
}

describe("the brokers", () => {
  test("of the cluster are found, in any order, and by id", async () => {
    const { brokers, lines } = await open(await openZooKeeper());
    const found = await brokers.addresses();
    expect([...found].sort()).toEqual([...cluster.brokers].sort());
    expect(cluster.brokers.map((_, i) => brokers.addressOf(i + 1))).toEqual(cluster.brokers);
    expect(brokers.addressOf(99)).toBeNull();
    expect(brokers.ageMs()).toBeLessThan(FIRST_READ_TIMEOUT_MS);
    const firsts = await Promise.all(Array.from({ length: 50 }, () => brokers.addresses()));
    expect(new Set(firsts.map(([first]) => first)).size).toBe(3);
    expect(lines).toEqual([]);
  });

  test("that come, move and go are followed; a useless one is passed over with a warning", async () => {
    const zookeeper = await openZooKeeper();
    const kafkaRoot = `/${freshName("kafka")}`;
    const { brokers, lines } = await open(zookeeper, { kafkaRoot, listener: "OUT" });
    await expect(brokers.addresses()).rejects.toThrow(
      expect.objectContaining({ code: "UNAVAILABLE" }),
    );
    const ids = `${kafkaRoot}/brokers/ids`;
    await zookeeper.put(`${ids}/7`, registration("OUT://a:9092"));
    await expect.poll(() => brokers.addressOf(7)).toBe("a:9092");
    await zookeeper.put(`${ids}/7`, registration("OUT://b:9092"));
    await expect.poll(() => brokers.addressOf(7)).toBe("b:9092");
    await zookeeper.put(`${ids}/8`, registration("OUT://[::1]:9092"));
    await expect.poll(() => lines.length).toBe(1);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ broker: 8, problem: "IPv6 literal" });
    expect(await brokers.addresses()).toEqual(["b:9092"]);
    await zookeeper.delete(`${ids}/7`);
    await expect.poll(() => brokers.addressOf(7)).toBeNull();
  });

  test("are asked for in vain while ZooKeeper was never reached", async () => {
    const [port] = await freePorts(1);
    const zookeeper = await openZooKeeper(`127.0.0.1:${port}`);
    const { brokers, topics } = await open(zookeeper, { timeoutMs: 200 });
    const unavailable = expect.objectContaining({ code: "UNAVAILABLE" });
    await expect(brokers.addresses()).rejects.toThrow(unavailable);
    await expect(topics.leaders("t")).rejects.toThrow(unavailable);
    expect(brokers.ageMs()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("the leaders of a topic", () => {
  test("are followed from its creation over a change of leader and of partitions", async () => {
    const { brokers, topics, lines } = await open(await openZooKeeper());
    const topic = freshName("veil-leaders");
    expect(await topics.leaders(topic)).toBeNull();

    const admin = new Kafka({
      brokers: () => brokers.addresses(),
      logLevel: logLevel.NOTHING,
    }).admin();
    await admin.connect();
    onTestFinished(() => admin.disconnect());
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic, replicaAssignment: [{ partition: 0, replicas: [1] }] }],
    });
    const at = (...ids: number[]) =>
      ids.map((id, partition) => ({ partition, leader: cluster.brokers[id - 1] }));
    const become = (...ids: number[]) =>
      expect.poll(() => topics.leaders(topic)).toEqual(at(...ids));
    await become(1);

    await admin.createPartitions({
      topicPartitions: [{ topic, count: 2, assignments: [[2]] }],
    });
    await become(1, 2);

    await admin.alterPartitionReassignments({
      topics: [{ topic, partitionAssignment: [{ partition: 0, replicas: [3] }] }],
    });
    await become(3, 2);

    await admin.deleteTopics({ topics: [topic] });
    await expect.poll(() => topics.leaders(topic)).toBeNull();
    expect(lines.join("")).not.toContain(topic);
  });

  test("a partition without a leader, or with an unknown one, has none", async () => {
    const zookeeper = await openZooKeeper();
    const kafkaRoot = `/${freshName("kafka")}`;
    const { topics } = await open(zookeeper, { kafkaRoot });
    const path = `${kafkaRoot}/brokers/topics/t`;
    const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
    await zookeeper.put(`${kafkaRoot}/brokers/ids/1`, registration("PLAINTEXT://a:9092"));
    await zookeeper.put(`${path}/partitions/1/state`, json({ leader: -1 }));
    await zookeeper.put(`${path}/partitions/2/state`, json({ leader: 9 }));
    await zookeeper.put(`${path}/partitions/10/state`, json({ leader: 1 }));
    await zookeeper.put(path, json({ partitions: { 0: [1], 1: [1], 2: [9], 10: [1] } }));
    expect(await topics.leaders("t")).toEqual([
      { partition: 0, leader: null },
      { partition: 1, leader: null },
      { partition: 2, leader: null },
      { partition: 10, leader: "a:9092" },
    ]);
  });

  test("a node that cannot be understood changes nothing, and its bytes are not logged", async () => {
    const zookeeper = await openZooKeeper();
    const kafkaRoot = `/${freshName("kafka")}`;
    const { topics, lines } = await open(zookeeper, { kafkaRoot });
    const path = `${kafkaRoot}/brokers/topics/t`;
    await zookeeper.put(path, Buffer.from('{"partitions":{"0":[1]}}'));
    const known = [{ partition: 0, leader: null }];
    expect(await topics.leaders("t")).toEqual(known);
    await zookeeper.put(path, Buffer.from("not-json-but-secret"));
    await expect.poll(() => lines.length).toBeGreaterThan(0);
    expect(await topics.leaders("t")).toEqual(known);
    expect(lines.join("")).not.toContain("secret");
  });

  test("no more topics than the limit are followed; the one longest unasked is given up", async () => {
    const { topics } = await open(await openZooKeeper(), { maxTopics: 3 });
    for (const topic of ["a", "b", "c", "a", "d", "e"]) await topics.leaders(topic);
    expect(topics.size).toBe(3);
    topics.unfollow("a");
    topics.unfollow("never");
    expect(topics.size).toBe(2);
    topics.follow("b");
    topics.follow("b");
    expect(topics.size).toBe(3);
    const crowd = await Promise.allSettled(["1", "2", "3", "4"].map((t) => topics.leaders(t)));
    expect(crowd.map((one) => (one.status === "rejected" ? one.reason.code : one.value))).toEqual([
      "LIMIT",
      null,
      null,
      null,
    ]);
  });

  test.each(["", ".", "..", "a/b", "../ids", "a\0", "x".repeat(250)])(
    "%j is no topic's name",
    async (topic) => {
      const { topics } = await open(await openZooKeeper());
      await expect(topics.leaders(topic)).rejects.toThrow(
        expect.objectContaining({ code: "BAD_ARGUMENT" }),
      );
    },
  );
});

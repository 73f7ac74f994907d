/** The writer on a real Kafka of three brokers: settings, order, and trouble that stays where it is. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { Replication } from "../../../bridge/store/replication.ts";
import { Sender } from "../../../bridge/writer/record.ts";
import { Topics } from "../../../bridge/writer/topics.ts";
import { Writer } from "../../../bridge/writer/writer.ts";
import { KafkaAdmin } from "../../../core/ports/kafka/admin.ts";
import type { Kafka } from "../../../core/ports/kafka/client.ts";
import { KafkaProducer } from "../../../core/ports/kafka/producer.ts";
import { scanPartition } from "../../../core/ports/kafka/scan.ts";
import { type Cluster, startCluster } from "../../../demo/cluster/cluster.ts";
import { written } from "../../bridge/writer/fake-kafka.ts";
import { freshName } from "../../support/cluster.ts";
import { kafkaAt, silentLog } from "../../support/kafka.ts";

const SETTINGS = { partitions: 1, retentionMs: 86_400_000 };
const FROZEN_MS = 10_000;
const KEY = Buffer.alloc(8, 1);

let dir: string;
let cluster: Cluster;
let kafka: Kafka;
let admin: KafkaAdmin;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "veilmq-writer-"));
  cluster = await startCluster({ dir, brokers: 3 });
  kafka = kafkaAt(cluster.brokers);
  admin = new KafkaAdmin({ kafka });
});
afterAll(async () => {
  await admin?.stop();
  await cluster?.stop();
  await rm(dir, { recursive: true, force: true });
});

function openWriter(): { writer: Writer; topics: Topics; alarms: { count: number } } {
  const producer = new KafkaProducer({ kafka });
  const alarms = { count: 0 };
  const topics = new Topics({
    admin,
    replication: new Replication({ admin, log: silentLog }),
    log: silentLog,
    onPartitionsChanged: () => {
      alarms.count += 1;
    },
  });
  const writer = new Writer({
    send: async (batches, onResult) => {
      await producer.send(batches, onResult);
    },
    log: silentLog,
  });
  onTestFinished(async () => {
    await writer.stop(0);
    await producer.stop();
  });
  return { writer, topics, alarms };
}

async function makeTopics(topics: Topics, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, () => freshName("veil-test"));
  await Promise.all(names.map((name) => topics.ensure(name, SETTINGS)));
  return names;
}

function write(writer: Writer, sender: Sender, topic: string, value: string): Promise<void> {
  return written(writer, { topic, partition: 0, key: KEY, value: Buffer.from(value), sender });
}

async function readAll(topic: string): Promise<string[]> {
  const values: string[] = [];
  const [range] = await admin.listOffsets(topic);
  await scanPartition(
    {
      ...{ kafka, topic, partition: 0, first: 0n, end: range?.high ?? 0n },
      onBatch: async ({ messages }) => {
        values.push(...messages.map(({ value }) => String(value)));
      },
    },
    new AbortController().signal,
  );
  return values;
}

async function leaderOf(topic: string): Promise<number> {
  return (await admin.describeTopic(topic)).partitions[0]?.leader ?? -1;
}

describe("topics", () => {
  test("are made with the settings of PROTOCOL.md §3, once", async () => {
    const { topics, alarms } = openWriter();
    const [topic = ""] = await makeTopics(topics, 1);
    const again = openWriter();
    await again.topics.ensure(topic, SETTINGS);
    const { partitions, config } = await admin.describeTopic(topic);
    expect(partitions.map(({ replicas }) => replicas.length)).toEqual([3]);
    expect(config).toMatchObject({
      "min.insync.replicas": "2",
      "unclean.leader.election.enable": "false",
      "message.timestamp.type": "LogAppendTime",
      "cleanup.policy": "delete",
      "retention.ms": "86400000",
      "compression.type": "producer",
    });
    expect(alarms.count).toBe(0);
  });

  test("with another number of partitions are refused with an alarm", async () => {
    const { topics, alarms } = openWriter();
    const topic = freshName("veil-test");
    await admin.ensureTopic({ topic, partitions: 2, replication: 1, config: {} });
    await expect(topics.ensure(topic, SETTINGS)).rejects.toMatchObject({ code: "CONFIG" });
    expect(alarms.count).toBe(1);
  });
});

describe("records", () => {
  test("are in Kafka in their order when they are acknowledged", async () => {
    const { writer, topics } = openWriter();
    const names = await makeTopics(topics, 5);
    const values = Array.from({ length: 400 }, (_, i) => `reading ${i}`);
    await Promise.all(
      names.flatMap((topic) => {
        const [first, second] = [new Sender(), new Sender()];
        return [
          ...values.slice(0, 200).map((value) => write(writer, first, topic, value)),
          ...values.slice(200).map((value) => write(writer, second, topic, value)),
        ];
      }),
    );
    for (const topic of names) expect(await readAll(topic)).toEqual(values);
  });

  test("of a deleted topic are rejected with NOT_FOUND, and no other waits for them", async () => {
    const { writer, topics } = openWriter();
    const [gone = "", fine = ""] = await makeTopics(topics, 2);
    await write(writer, new Sender(), gone, "before");
    await admin.deleteTopic(gone);
    // Its leader may take some more before it has heard.
    const lost = (async () => {
      for (;;) await write(writer, new Sender(), gone, "after");
    })().catch((error: unknown) => error);
    for (let i = 0; i < 50; i++) await write(writer, new Sender(), fine, `r${i}`);
    expect(await lost).toMatchObject({ code: "NOT_FOUND" });
    topics.forget(gone);
    await topics.ensure(gone, SETTINGS);
    await write(writer, new Sender(), gone, "again");
    expect(await readAll(gone)).toEqual(["again"]);
  });

  test("go on to other leaders while one is frozen, and none is lost or overtaken", async () => {
    const { writer } = openWriter();
    // One replica each: with three, Kafka itself waits until the frozen follower is out of sync.
    const names = Array.from({ length: 12 }, () => freshName("veil-test"));
    const leaders = new Map<string, number>();
    for (const topic of names) {
      await admin.ensureTopic({ topic, partitions: 1, replication: 1, config: {} });
      leaders.set(topic, await leaderOf(topic));
    }
    const victim = leaders.get(names[0] ?? "") ?? -1;
    const spared = names.filter((topic) => leaders.get(topic) !== victim);
    const frozen = names.filter((topic) => leaders.get(topic) === victim);
    expect(spared.length).toBeGreaterThan(0);

    const end = new AbortController();
    const runs = names.map((topic) => keepWriting(writer, topic, end.signal));
    await freeze(victim);
    end.abort();
    const results = new Map(await Promise.all(runs));

    const worstMs = (group: readonly string[]): number =>
      Math.max(...group.map((topic) => results.get(topic)?.worstMs ?? Infinity));
    console.info(`slowest: spared ${worstMs(spared) | 0} ms, frozen ${worstMs(frozen) | 0} ms`);
    expect(worstMs(spared)).toBeLessThan(FROZEN_MS / 2);
    expect(worstMs(frozen)).toBeGreaterThan(0.8 * FROZEN_MS);
    for (const topic of names) {
      const seen = [...new Set((await readAll(topic)).map(Number))];
      const count = results.get(topic)?.count ?? 0;
      expect(seen).toEqual(Array.from({ length: count }, (_, n) => n));
    }
  });
});

interface Run {
  /** Acknowledged. */
  readonly count: number;
  readonly worstMs: number;
}

/** Writes 0, 1, 2 … one by one until `end`. */
async function keepWriting(
  writer: Writer,
  topic: string,
  end: AbortSignal,
): Promise<[string, Run]> {
  let worstMs = 0;
  let count = 0;
  for (; !end.aborted; count++) {
    const startedMs = performance.now();
    await write(writer, new Sender(), topic, `${count}`);
    worstMs = Math.max(worstMs, performance.now() - startedMs);
    await sleep(5);
  }
  return [topic, { count, worstMs }];
}

async function freeze(id: number): Promise<void> {
  await sleep(1000);
  await cluster.kill(`kafka-${id}`, "SIGSTOP");
  await sleep(FROZEN_MS);
  await cluster.kill(`kafka-${id}`, "SIGCONT");
  await sleep(1000);
}

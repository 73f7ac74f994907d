/** What the port is for: brokers die, freeze and come back, and no confirmed record is lost or overtaken. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { KafkaAdmin } from "../../../../core/ports/kafka/admin.ts";
import type { Kafka } from "../../../../core/ports/kafka/client.ts";
import { Feed } from "../../../../core/ports/kafka/feed.ts";
import { KafkaProducer } from "../../../../core/ports/kafka/producer.ts";
import { type Cluster, startCluster } from "../../../../demo/cluster/cluster.ts";
import { batchOf, kafkaAt, makeTopic } from "../../../support/kafka.ts";
import { until } from "../../../support/until.ts";

const PARTITIONS = [0, 1, 2];
/** What a frozen broker may cost a send at most: asking it for metadata, then waiting for it as a follower. */
const MAX_SEND_MS = 20_000;
/** For the servers of a busy machine to die, to come back and to elect, and for the writers to go on. */
const RECOVERY_MS = 90_000;

let dir: string;
let cluster: Cluster;
let kafka: Kafka;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "veilmq-failover-"));
  cluster = await startCluster({ dir, brokers: 3 });
  kafka = kafkaAt(cluster.brokers);
});
afterAll(async () => {
  await cluster?.stop();
  await rm(dir, { recursive: true, force: true });
});

/** Writes 0, 1, 2 … to one partition, one request at a time, and repeats what is not confirmed. */
class Writer {
  confirmed = 0;
  slowestMs = 0;
  readonly failures = new Set<string>();
  readonly #done: Promise<void>;
  #isStopping = false;

  constructor(producer: KafkaProducer, topic: string, partition: number) {
    this.#done = this.#write(producer, topic, partition);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#done;
  }

  async #write(producer: KafkaProducer, topic: string, partition: number): Promise<void> {
    while (!this.#isStopping) {
      const startedAt = performance.now();
      const [result] = await producer.send([batchOf(topic, partition, [`${this.confirmed}`])]);
      this.slowestMs = Math.max(this.slowestMs, performance.now() - startedAt);
      if (result?.status === "confirmed") this.confirmed += 1;
      else if (!result?.error.retryable) throw result?.error;
      else this.failures.add(result.error.code);
      await sleep(result?.status === "confirmed" ? 2 : 50);
    }
  }
}

async function leaderOf(topic: string): Promise<number> {
  const admin = new KafkaAdmin({ kafka });
  const { partitions } = await admin.describeTopic(topic);
  await admin.stop();
  return partitions.find(({ partition }) => partition === 0)?.leader ?? -1;
}

test("leaders are killed, come back and freeze: everything confirmed is read, in order", async () => {
  const config = { "min.insync.replicas": "2" };
  const topic = await makeTopic(kafka, { partitions: 3, replication: 3, config });
  const producer = new KafkaProducer({ kafka });
  const read = PARTITIONS.map((): number[] => []);
  const feed = new Feed({
    kafka,
    onBatch: async ({ partition, messages }) => {
      read[partition]?.push(...messages.map(({ value }) => Number(value)));
    },
    onLost: async () => expect.unreachable("nothing is lost"),
  });
  for (const partition of PARTITIONS) feed.add({ topic, partition, offset: 0n });
  const end = new AbortController();
  const reading = feed.run(end.signal);
  const writers = PARTITIONS.map((partition) => new Writer(producer, topic, partition));
  const progress = async (): Promise<void> => {
    const goals = writers.map(({ confirmed }) => confirmed + 100);
    await until(
      () => writers.every(({ confirmed }, i) => confirmed >= (goals[i] ?? 0)),
      RECOVERY_MS,
    );
  };

  await progress();
  const killed = await leaderOf(topic);
  await cluster.kill(`kafka-${killed}`, "SIGKILL");
  await progress();
  await cluster.restart(`kafka-${killed}`);
  await progress();
  const frozen = await leaderOf(topic);
  await cluster.kill(`kafka-${frozen}`, "SIGSTOP");
  await progress();
  await cluster.kill(`kafka-${frozen}`, "SIGCONT");
  await progress();

  await Promise.all(writers.map((writer) => writer.stop()));
  for (const [partition, { confirmed, slowestMs, failures }] of writers.entries()) {
    await until(() => (read[partition]?.at(-1) ?? -1) >= confirmed - 1);
    const firsts = (read[partition] ?? []).filter((n, i, all) => all.indexOf(n) === i);
    expect(firsts.slice(0, confirmed)).toEqual(Array.from({ length: confirmed }, (_, n) => n));
    expect(slowestMs).toBeLessThan(MAX_SEND_MS);
    console.info(
      `partition ${partition}: ${confirmed} confirmed, ${[...failures]}, ${slowestMs | 0} ms`,
    );
  }
  end.abort();
  await reading;
  await producer.stop();
}, 400_000);

test("a topic without a leader hinders no other", async () => {
  const sturdy = await makeTopic(kafka, { replication: 3, config: { "min.insync.replicas": "2" } });
  const frail = await makeTopic(kafka, { replication: 1 });
  const producer = new KafkaProducer({ kafka });
  const send = () => producer.send([batchOf(frail, 0, ["f"]), batchOf(sturdy, 0, ["s"])]);
  expect((await send()).map(({ status }) => status)).toEqual(["confirmed", "confirmed"]);
  const host = await leaderOf(frail);
  await cluster.kill(`kafka-${host}`, "SIGKILL");

  let outcome = await send();
  for (const deadline = Date.now() + RECOVERY_MS; Date.now() < deadline; outcome = await send()) {
    const [broken, fine] = outcome;
    if (
      fine?.status === "confirmed" &&
      broken?.status === "failed" &&
      broken.error.code === "UNAVAILABLE"
    )
      break;
    await sleep(100);
  }
  expect(outcome).toMatchObject([
    { status: "failed", error: { code: "UNAVAILABLE", retryable: true } },
    { status: "confirmed" },
  ]);
  // Topics can be made meanwhile, too.
  const late = await makeTopic(kafka, { replication: 2 });
  expect(await producer.send([batchOf(late, 0, ["l"])])).toMatchObject([{ status: "confirmed" }]);
  await cluster.restart(`kafka-${host}`);
  for (
    const deadline = Date.now() + RECOVERY_MS;
    outcome[0]?.status === "failed";
    outcome = await send()
  )
    expect(Date.now()).toBeLessThan(deadline);
  expect(outcome.map(({ status }) => status)).toEqual(["confirmed", "confirmed"]);
  await producer.stop();
}, 240_000);

/** One reading's whole way: real processes on the shared Kafka of three brokers and its ZooKeeper. */

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { HttpClient } from "../../core/ports/http/client.ts";
import { KafkaAdmin } from "../../core/ports/kafka/admin.ts";
import { Feed } from "../../core/ports/kafka/feed.ts";
import { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";
import { NEVER } from "../../core/runtime/backoff.ts";
import { packageFile } from "../../core/runtime/package.ts";
import { importResponseSchema } from "../../core/wire/http.ts";
import { DemoStack, type RunningStack } from "../../demo/stack.ts";
import { quick } from "../kms/fixture.ts";
import { sharedCluster } from "../support/cluster.ts";
import { sharedKafka, silentLog } from "../support/kafka.ts";

const WAIT = { timeout: 30_000 };
const TOPIC_NOT_FOUND = 4;

const lineSchema = z.strictObject({
  id: z.string().regex(/^[\w-]{22}:\d+$/),
  topic: z.string(),
  producer: z.string(),
  time: z.number(),
  pack: z.array(z.looseObject({ bt: z.number().optional(), n: z.string() })),
  partition: z.literal(0),
  offset: z.number(),
});
type Line = z.output<typeof lineSchema>;

describe("the whole way", () => {
  let folder: string;
  let stack: DemoStack;
  let running: RunningStack;
  const playing = new AbortController();
  const lines: Line[] = [];
  const from = (name: string): Line[] => lines.filter(({ producer }) => producer === name);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "veilmq-way-"));
    const options = {
      brokers: 3,
      sensors: 2,
      rate: 50,
      once: null,
      json: false,
      keep: null,
      zookeeper: sharedCluster().zookeeper,
    } as const;
    const dir = join(folder, "stack");
    stack = new DemoStack({ options, dir, keys: quick(), signal: NEVER, say: () => undefined });
    running = await stack.start();
    createInterface({ input: running.consumer.stdout }).on("line", (line) => {
      lines.push(lineSchema.parse(JSON.parse(line)));
    });
    for (const { sensor } of running.agents) void sensor.play(playing.signal);
    await vi.waitFor(() => expect(lines.length).toBeGreaterThan(100), WAIT);
  }, 180_000);

  afterAll(async () => {
    playing.abort();
    await stack.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Runs `veilmq consume` as the demo's consumer, with a state of its own. */
  async function consume(topic: string): Promise<{ code: number; stdout: string; stderr: string }> {
    const credential = join(folder, "stack", "kms", "demo", "credentials", "analyst.cred.json");
    const flags = ["--credential", credential, "--state", join(folder, "other")];
    const args = [packageFile("dist", "cli", "main.js"), "consume", topic, ...flags];
    return new Promise((resolve) => {
      execFile(process.execPath, args, { timeout: 50_000 }, (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
      });
    });
  }

  test("gives the readings of both producers of one topic, each in order", () => {
    for (const { sensor, topic } of running.agents) {
      const own = lines.filter(({ pack }) => pack.some((r) => r["vs"] === sensor.serial));
      const counts = own.map(({ pack }) => pack.find((r) => r.n === "count")?.["v"]);
      expect(own.length).toBeGreaterThan(20);
      expect(counts).toEqual(counts.map((_, index) => index + 1));
      expect(new Set(own.map((line) => line.topic))).toEqual(new Set([topic]));
    }
    expect(new Set(lines.map(({ topic }) => topic)).size).toBe(1);
    expect(new Set(lines.map(({ id }) => id)).size).toBe(lines.length);
  });

  test("ends in a Kafka topic with the promised settings, records without headers, one pseudonym a producer", async () => {
    const zookeeper = new ZooKeeper({
      servers: [running.zookeeper],
      sessionTimeoutMs: 10_000,
      callTimeoutMs: 5000,
      log: silentLog,
    });
    await zookeeper.start();
    const names = (await zookeeper.children("/brokers/topics")) ?? [];
    await zookeeper.stop();
    const kafka = sharedKafka();
    const admin = new KafkaAdmin({ kafka });
    const pseudonyms = new Map<string, Set<string>>();
    for (const topic of names.filter((name) => /^veil-[a-z2-7]{52}$/.test(name))) {
      const { partitions, config } = await admin.describeTopic(topic);
      expect(partitions).toHaveLength(1);
      expect(partitions[0]?.replicas).toHaveLength(3);
      expect(config).toMatchObject({
        "min.insync.replicas": "2",
        "unclean.leader.election.enable": "false",
        "message.timestamp.type": "LogAppendTime",
        "retention.ms": String(30 * 24 * 3600 * 1000),
      });
      const keys = new Set<string>();
      const end = new AbortController();
      const feed = new Feed({
        kafka,
        onBatch: async ({ messages }) => {
          for (const { key, value } of messages) {
            expect(value?.subarray(0, 3).toString("hex")).toBe("565101");
            keys.add(key?.toString("hex") ?? "");
          }
          end.abort();
        },
        onLost: async () => undefined,
      });
      feed.add({ topic, partition: 0, offset: 0n });
      await feed.run(end.signal);
      pseudonyms.set(topic, keys);
    }
    await admin.stop();
    const ofTwo = [...pseudonyms.values()].filter(({ size }) => size === 2);
    expect(ofTwo.length).toBeGreaterThan(0);
  });

  test("says `Topic not found`, with an exit code of its own, for a topic that is not granted or not there", async () => {
    const answer = await consume("nobody/publishes/this");
    expect(answer).toMatchObject({ code: TOPIC_NOT_FOUND, stdout: "" });
    expect(answer.stderr).toMatch(/^veilmq: error: Topic not found\nveilmq: hint: /);
  });

  test("ends for a revoked device; its neighbour goes on, and what it sent stays", async () => {
    const [revoked] = running.agents;
    if (!revoked) throw new Error("two agents were asked for");
    const file = await readFile(await running.tenant.revoke("sensor-1"), "utf8");
    const documents: unknown = JSON.parse(file);
    const http = new HttpClient({ baseUrl: running.bridgeUrl });
    const state = async () => (await revoked.status()).uplink.state;
    await http.post("/v1/import", documents, importResponseSchema);
    await http.stop();

    // It knows, takes no more, and keeps its outbox; not one record of it follows.
    await expect.poll(state).toBe("revoked");
    const { taken, acknowledged } = await revoked.status();
    const before = from("sensor-2").length;
    const goesOn = () => expect(from("sensor-2").length).toBeGreaterThan(before + 100);
    await vi.waitFor(goesOn, WAIT);
    expect(await revoked.status()).toMatchObject({ acknowledged, uplink: { state: "revoked" } });
    const stays = () => expect(from("sensor-1").length).toBeGreaterThanOrEqual(acknowledged);
    await vi.waitFor(stays, WAIT);
    // Kafka may have records whose PUBACK the end of the session cut off.
    expect(from("sensor-1").length).toBeLessThanOrEqual(taken);
  });
});

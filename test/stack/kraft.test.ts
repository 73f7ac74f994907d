/** The whole way over the newest Kafka without ZooKeeper: found by a list of brokers, spoken to over TLS with a login. */

import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { VeilError } from "../../core/errors.ts";
import { KafkaAdmin } from "../../core/ports/kafka/admin.ts";
import { Brokers } from "../../core/ports/kafka/brokers.ts";
import { createKafka } from "../../core/ports/kafka/client.ts";
import { loadKafkaSecurity } from "../../core/ports/kafka/security.ts";
import { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";
import { NEVER, pause } from "../../core/runtime/backoff.ts";
import { kafkaTopicOf, TAG_BYTES } from "../../core/scheme/tag.ts";
import { headPath } from "../../core/wire/directory.ts";
import { resolveClasspath } from "../../demo/cluster/classpath.ts";
import { type Kraft, startKraft } from "../../demo/cluster/kraft.ts";
import { freePorts } from "../../demo/cluster/ports.ts";
import type { ServerProcess } from "../../demo/cluster/server-process.ts";
import { zooKeeperProcess } from "../../demo/cluster/zookeeper.ts";
import { Relay } from "../../demo/relay.ts";
import { DemoStack, type RunningStack } from "../../demo/stack.ts";
import { veilmq } from "../cli/veilmq.ts";
import { quick } from "../kms/fixture.ts";
import { CA_FILE, testCertificate } from "../support/certificate/certificate.ts";
import { kafkaAt, silentLog } from "../support/kafka.ts";

const PASSWORD = "not-a-secret-of-anybody";

let folder: string;
let kraft: Kraft;
let zooKeeper: ServerProcess;
let zookeeper: string;
let admin: string;
let stack: DemoStack;
let running: RunningStack;
const lines: { offset: number; producer: string }[] = [];
const playing = new AbortController();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "veilmq-kraft-"));
  const { key, cert } = await testCertificate();
  const passwordFile = join(folder, "kafka.password");
  await writeFile(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  const authFile = join(folder, "zookeeper.auth");
  await writeFile(authFile, `veil:${PASSWORD}\n`, { mode: 0o600 });
  const [port = 0, adminPort = 0] = await freePorts(2);
  zookeeper = `127.0.0.1:${port}`;
  admin = `http://127.0.0.1:${adminPort}`;
  zooKeeper = zooKeeperProcess({
    folder: join(folder, "zookeeper"),
    port,
    classpath: await resolveClasspath(),
  });
  const secure = { keystore: key + cert, user: "veil", password: PASSWORD };
  [kraft] = await Promise.all([
    startKraft({ dir: join(folder, "kafka"), secure }),
    zooKeeper.spawn().then(() => zooKeeper.awaitReady(NEVER)),
  ]);
  const login = (mechanism: string) => ({
    tls: { ca: resolve(CA_FILE) },
    sasl: { mechanism, username: "veil", passwordFile },
  });
  const consumerConfig = join(folder, "consumer.yaml");
  await writeFile(consumerConfig, JSON.stringify({ kafka: login("scram-sha-256") }));
  stack = new DemoStack({
    options: {
      ...{ brokers: 1, sensors: 1, rate: 50, once: null, json: false, keep: null },
      zookeeper,
    },
    sections: {
      kafka: { brokers: [kraft.secureAddress], ...login("scram-sha-512") },
      zookeeper: { servers: [zookeeper], authFile },
      admin: { host: "127.0.0.1", port: adminPort },
    },
    consumerConfig,
    dir: join(folder, "stack"),
    keys: quick(),
    signal: NEVER,
    say: () => undefined,
  });
  running = await stack.start();
  createInterface({ input: running.consumer.stdout }).on("line", (line) => {
    lines.push(JSON.parse(line));
  });
}, 150_000);

afterAll(async () => {
  playing.abort();
  await stack?.stop();
  await Promise.all([kraft?.stop(), zooKeeper?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

test("readings arrive, each once and in order", async () => {
  for (const { sensor } of running.agents) void sensor.play(playing.signal);
  await vi.waitFor(() => expect(lines.length).toBeGreaterThan(50), { timeout: 30_000 });
  const offsets = lines.map(({ offset }) => offset);
  expect(offsets).toEqual(offsets.map((_, index) => index));
  expect(new Set(lines.map(({ producer }) => producer))).toEqual(new Set(["sensor-1"]));
});

test("who does not know ZooKeeper's password reads and changes no document", async () => {
  const stranger = new ZooKeeper({
    servers: [zookeeper],
    sessionTimeoutMs: 10_000,
    callTimeoutMs: 10_000,
    log: silentLog,
  });
  await stranger.start();
  const head = headPath("demo");
  const refused = expect.objectContaining({ code: "AUTH" });
  await expect(stranger.get(head)).rejects.toThrow(refused);
  await expect(stranger.set(head, Buffer.from("x"))).rejects.toThrow(refused);
  await expect(stranger.delete(head)).rejects.toThrow(refused);
  await stranger.stop();
});

test("a broker that falls silent or goes away within the login has refused nobody", async () => {
  const port = Number(kraft.secureAddress.split(":")[1]);
  const sasl = { mechanism: "scram-sha-512", username: "veil", password: PASSWORD } as const;
  const ssl = { ca: await readFile(CA_FILE, "utf8") };
  /** Whoever is not silent has time, also on a busy machine. */
  const patienceMs = { silence: 2_000, end: 15_000 } as const;
  const askThrough = async (chunks: number, then: "silence" | "end"): Promise<string> => {
    let passed = 0;
    const relay = new Relay({
      relayTo: port,
      carry: ({ near, far }) => {
        near.pipe(far);
        far.on("data", (bytes) => {
          passed += 1;
          if (passed <= chunks) near.write(bytes);
          else if (then === "end") near.end();
        });
      },
    });
    const seed = `localhost:${await relay.start()}`;
    const kafka = createKafka({
      ...{ brokers: async () => [seed], security: () => ({ ssl, sasl }), log: silentLog },
      ...{ connectionTimeoutMs: patienceMs[then], requestTimeoutMs: patienceMs[then] },
    });
    const brokers = new Brokers({ kafka });
    const asked = brokers.metadata([]).then(
      () => "answered",
      (error: VeilError) => error.code,
    );
    const outcome = await Promise.race([asked, pause(60_000, NEVER).then(() => "no end")]);
    brokers.stop();
    await relay.stop();
    return outcome;
  };
  const counts = Array.from({ length: 16 }, (_, n) => n);
  const silent = await Promise.all(counts.map((chunks) => askThrough(chunks, "silence")));
  for (const outcome of silent) expect(["TIMEOUT", "DISCONNECTED", "answered"]).toContain(outcome);
  expect(silent).toContain("DISCONNECTED");
  const ended = await Promise.all(counts.map((chunks) => askThrough(chunks, "end")));
  expect(new Set(ended)).toEqual(new Set(["DISCONNECTED", "answered"]));
});

test("a check finds what is weak and nothing that is wrong", async () => {
  const args = ["bridge", "check", "--config", join(folder, "stack", "bridge", "bridge.yaml")];
  const { code, stdout } = await veilmq(args);
  expect(stdout).not.toMatch(/^error/m);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ok {6}tenant demo: /m);
  expect(stdout).toMatch(/^ok {6}kafka topics: 4 topics, all as they should be/m);
  expect(stdout).toMatch(/^warning kafka acls: Kafka has none/m);
});

test("a check refuses a topic with weaker settings", async () => {
  const kafkaAdmin = new KafkaAdmin({ kafka: kafkaAt([kraft.address]) });
  const topic = kafkaTopicOf(randomBytes(TAG_BYTES));
  await kafkaAdmin.ensureTopic({
    ...{ topic, partitions: 2, replication: 1 },
    config: { "unclean.leader.election.enable": "true", "retention.ms": "3600000" },
  });
  const args = ["bridge", "check", "--config", join(folder, "stack", "bridge", "bridge.yaml")];
  const { code, stdout } = await veilmq(args);
  await kafkaAdmin.deleteTopic(topic);
  await kafkaAdmin.stop();
  expect(code).toBe(1);
  const found = stdout
    .split("\n")
    .flatMap((line) => (/^error {3}veil-\S+: (.*)/.exec(line) ?? [])[1] ?? []);
  expect(found).toEqual([
    expect.stringMatching(/^unclean.leader.election.enable=true/),
    expect.stringMatching(/^message.timestamp.type is not LogAppendTime/),
    expect.stringMatching(/^2 partition\(s\), which no tenant's head says/),
    expect.stringMatching(/^retention.ms=3600000 is shorter than the tenant's/),
  ]);
});

test("a topic that nobody is granted is found and deleted; the others stay", async () => {
  const kafka = kafkaAt([kraft.address]);
  const kafkaAdmin = new KafkaAdmin({ kafka });
  const orphan = kafkaTopicOf(randomBytes(TAG_BYTES));
  await kafkaAdmin.ensureTopic({ topic: orphan, partitions: 1, replication: 1, config: {} });
  const list = ["bridge", "topics", "--orphaned", "--admin", admin];
  expect(await veilmq(list)).toMatchObject({ code: 0, stdout: `${orphan}\n` });
  const config = join(folder, "stack", "bridge", "bridge.yaml");
  const { code, stderr } = await veilmq([...list, "--delete", "--config", config]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "veilmq: 1 topic(s) deleted\n" });
  expect((await veilmq(list)).stdout).toBe("");
  await kafkaAdmin.stop();
  const before = lines.length;
  await vi.waitFor(() => expect(lines.length).toBeGreaterThan(before), { timeout: 60_000 });
});

test("a login with PLAIN is taken over TLS, with the right password alone", async () => {
  const passwordFile = join(folder, "plain.password");
  const describe = async (password: string): Promise<readonly string[]> => {
    await writeFile(passwordFile, password, { mode: 0o600 });
    const sasl = { mechanism: "plain", username: "veil", passwordFile } as const;
    const security = await loadKafkaSecurity({ tls: { ca: CA_FILE }, sasl }, process.cwd());
    const brokers = async (): Promise<string[]> => [kraft.secureAddress];
    const kafka = createKafka({ brokers, security: () => security, log: silentLog });
    const kafkaAdmin = new KafkaAdmin({ kafka });
    return await kafkaAdmin
      .describeCluster()
      .then((cluster) => cluster.brokers)
      .finally(() => kafkaAdmin.stop());
  };
  expect(await describe(PASSWORD)).toEqual([kraft.secureAddress]);
  await expect(describe("a-guess")).rejects.toMatchObject({ code: "AUTH" });
});

test("the password is in no log", async () => {
  for (const log of [join("bridge", "bridge.log"), join("consumer-1", "consumer.log")]) {
    const text = await readFile(join(folder, "stack", log), "utf8");
    expect(text).not.toContain(PASSWORD);
  }
});

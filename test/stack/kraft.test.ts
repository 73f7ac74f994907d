/** The whole way over the newest Kafka without ZooKeeper: found by a list of brokers, spoken to over TLS with a login. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { resolveClasspath } from "../../demo/cluster/classpath.ts";
import { type Kraft, startKraft } from "../../demo/cluster/kraft.ts";
import { freePorts } from "../../demo/cluster/ports.ts";
import type { ServerProcess } from "../../demo/cluster/server-process.ts";
import { zooKeeperProcess } from "../../demo/cluster/zookeeper.ts";
import { DemoStack, type RunningStack } from "../../demo/stack.ts";
import { CA_FILE, testCertificate } from "../support/certificate/certificate.ts";

const NEVER = new AbortController().signal;
const PASSWORD = "not-a-secret-of-anybody";

let folder: string;
let kraft: Kraft;
let zooKeeper: ServerProcess;
let stack: DemoStack;
let running: RunningStack;
const lines: { offset: number; producer: string }[] = [];
const playing = new AbortController();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "veilmq-kraft-"));
  const { key, cert } = await testCertificate();
  const passwordFile = join(folder, "kafka.password");
  await writeFile(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  const [port = 0] = await freePorts(1);
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
      zookeeper: `127.0.0.1:${port}`,
    },
    sections: { kafka: { brokers: [kraft.secureAddress], ...login("scram-sha-512") } },
    consumerConfig,
    dir: join(folder, "stack"),
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
}, 60_000);

test("readings arrive, each once and in order", async () => {
  for (const { sensor } of running.agents) void sensor.play(playing.signal);
  await vi.waitFor(() => expect(lines.length).toBeGreaterThan(50), { timeout: 30_000 });
  const offsets = lines.map(({ offset }) => offset);
  expect(offsets).toEqual(offsets.map((_, index) => index));
  expect(new Set(lines.map(({ producer }) => producer))).toEqual(new Set(["sensor-1"]));
});

test("the password is in no log", async () => {
  for (const log of [join("bridge", "bridge.log"), join("consumer-1", "consumer.log")]) {
    const text = await readFile(join(folder, "stack", log), "utf8");
    expect(text).not.toContain(PASSWORD);
  }
});

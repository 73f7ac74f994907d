/** Three ZooKeepers and a Kafka 3.9 that is found in them by its listener's name: the leader is lost, and nothing stops. */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { HttpClient } from "../../core/ports/http/client.ts";
import { NEVER } from "../../core/runtime/backoff.ts";
import { importResponseSchema } from "../../core/wire/http.ts";
import { brokerProcess } from "../../demo/cluster/broker.ts";
import { resolveClasspath } from "../../demo/cluster/classpath.ts";
import { type Ensemble, startEnsemble } from "../../demo/cluster/ensemble.ts";
import { freePorts } from "../../demo/cluster/ports.ts";
import type { ServerProcess } from "../../demo/cluster/server-process.ts";
import { DemoStack, type RunningStack } from "../../demo/stack.ts";
import { quick } from "../kms/fixture.ts";

const LISTENER = "INTERNAL";

let folder: string;
let ensemble: Ensemble;
let broker: ServerProcess;
let stack: DemoStack;
let running: RunningStack;
let arrived = 0;
const playing = new AbortController();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "veilmq-ensemble-"));
  ensemble = await startEnsemble(folder);
  const { zookeeper } = ensemble;
  const [port = 0] = await freePorts(1);
  broker = brokerProcess({
    ...{ id: 1, brokers: 1, port, zookeeper, listener: LISTENER },
    folder: join(folder, "kafka"),
    classpath: await resolveClasspath(),
  });
  await broker.spawn();
  await broker.awaitReady(NEVER);
  stack = new DemoStack({
    options: {
      ...{ brokers: 1, sensors: 1, rate: 50, once: null, json: false, keep: null },
      zookeeper,
    },
    sections: { kafka: { listener: LISTENER } },
    dir: join(folder, "stack"),
    keys: quick(),
    signal: NEVER,
    say: () => undefined,
  });
  running = await stack.start();
  createInterface({ input: running.consumer.stdout }).on("line", () => {
    arrived++;
  });
  for (const { sensor } of running.agents) void sensor.play(playing.signal);
  await vi.waitFor(() => expect(arrived).toBeGreaterThan(20), { timeout: 30_000 });
}, 150_000);

afterAll(async () => {
  playing.abort();
  await stack?.stop();
  await broker?.stop();
  await ensemble?.stop();
  await rm(folder, { recursive: true, force: true });
});

test("readings go on while the two that are left elect, and documents are taken after it", async () => {
  await ensemble.killLeader();
  const before = arrived;
  await vi.waitFor(() => expect(arrived).toBeGreaterThan(before + 100), { timeout: 30_000 });
  const [agent] = running.agents;
  const state = async () => (await agent?.status())?.uplink.state;
  expect(await state()).toBe("connected");

  const documents: unknown = JSON.parse(
    await readFile(await running.tenant.revoke("sensor-1"), "utf8"),
  );
  const http = new HttpClient({ baseUrl: running.bridgeUrl });
  const imported = async () =>
    expect(await http.post("/v1/import", documents, importResponseSchema)).toBeDefined();
  await vi.waitFor(imported, { timeout: 30_000, interval: 500 });
  await http.stop();
  await vi.waitFor(async () => expect(await state()).toBe("revoked"), { timeout: 60_000 });
});

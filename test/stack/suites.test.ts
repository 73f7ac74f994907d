/**
 * The essential way once for every suite: enrolled by the owner's tool, a device on a pseudo-terminal, the bridge,
 * Kafka, a consumer; nothing to be found in between; then the device is revoked. One bridge serves the four
 * tenants, each of another suite.
 */

import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { identityToRecipient } from "age-encryption";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { HttpClient } from "../../core/ports/http/client.ts";
import { NEVER } from "../../core/runtime/backoff.ts";
import { replaceSecretFile } from "../../core/runtime/files.ts";
import { ownerTag } from "../../core/scheme/owner.ts";
import { kafkaTopicOf } from "../../core/scheme/tag.ts";
import { importResponseSchema } from "../../core/wire/http.ts";
import { DemoAgent } from "../../demo/demo-agent.ts";
import { DemoBridge } from "../../demo/demo-bridge.ts";
import { demoConsumer } from "../../demo/demo-consumer.ts";
import type { GuardedProcess } from "../../demo/guarded-process.ts";
import { findLeaks } from "../../demo/leaks.ts";
import { untilReady } from "../../demo/ready.ts";
import { WireTap } from "../../demo/wire-tap.ts";
import { type Enrolled, enrol } from "../../kms/enrol.ts";
import { initTenant } from "../../kms/init.ts";
import { revoke } from "../../kms/revoke.ts";
import { openTenant, type Tenant, type TenantOptions, withTenant } from "../../kms/tenant.ts";
import { quick } from "../kms/fixture.ts";
import { freshName, sharedCluster } from "../support/cluster.ts";
import { testIdentity } from "../support/signed-tenant.ts";

const SUITES = ["rsa", "p256", "hmac", "pki"] as const;
const PASSPHRASE = "correct horse battery";
const RATE = 20;
const ENOUGH = 20;
const SLOW = { timeout: 60_000, interval: 50 };

interface Line {
  readonly id: string;
  readonly topic: string;
  readonly producer: string;
  readonly pack: readonly { readonly n: string; readonly v?: number }[];
}

/** The clients of one suite's tenant. */
interface Enrolment {
  readonly tenant: Tenant;
  readonly topic: string;
  readonly device: Enrolled;
  readonly reader: Enrolled;
}

/** What runs for one suite. */
interface Way {
  readonly tenant: Tenant;
  readonly topic: string;
  readonly kafkaTopic: string;
  readonly agent: DemoAgent;
  readonly consumer: GuardedProcess;
  readonly lines: Line[];
}

let folder: string;
let bridge: DemoBridge;
let tap: WireTap;
let http: HttpClient;
const ways = new Map<string, Way>();
const playing = new AbortController();
const cleanups: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "veilmq-suites-"));
  const identity = await testIdentity();
  const identityFile = join(folder, "bridge.age");
  await replaceSecretFile(identityFile, `${identity}\n`);
  const recipients = [await identityToRecipient(identity)];
  const dir = join(folder, "kms");
  const made: Awaited<ReturnType<typeof initTenant>>[] = [];
  // One after the other: a folder is one owner's at a time.
  for (const suite of SUITES)
    made.push(
      await initTenant({
        ...quick(suite),
        dir,
        tenant: freshName(suite),
        passphrase: PASSPHRASE,
        suite,
        recipients,
      }),
    );
  bridge = await DemoBridge.make({
    name: "the bridge",
    folder: join(folder, "bridge"),
    zookeeper: sharedCluster().zookeeper,
    identity: identityFile,
    tenants: made.map(({ tenant: name, kmsPublicKey }) => ({ name, kmsPublicKey })),
  });
  cleanups.push(() => bridge.process.stop());
  await bridge.start(NEVER);
  http = new HttpClient({ baseUrl: bridge.url });
  cleanups.push(() => http.stop());
  tap = new WireTap({ file: join(folder, "mqtt.bin"), relayTo: bridge.mqttPort });
  const mqtt = [`mqtt://127.0.0.1:${await tap.start()}`];
  const enrolled = new Map<string, Enrolment>();
  for (const { suite, tenant, bundle } of made) {
    await importBundle(bundle);
    const addresses = { mqtt, http: [bridge.url] };
    enrolled.set(suite, await enrolBoth({ dir, tenant, passphrase: PASSPHRASE }, addresses));
  }
  await Promise.all(
    [...enrolled].map(async ([suite, enrolment]) => ways.set(suite, await begin(enrolment))),
  );
}, 180_000);

afterAll(async () => {
  playing.abort();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await rm(folder, { recursive: true, force: true });
});

/** A device and a consumer of one topic, of a tenant that the bridge knows. */
async function enrolBoth(
  owner: TenantOptions,
  addresses: { mqtt: string[]; http: string[] },
): Promise<Enrolment> {
  const topic = `greenhouse/${randomBytes(8).toString("hex")}/climate`;
  const [device, reader] = await withTenant(owner, async (tenant) => [
    await enrol(tenant, { client: "sensor-1", publish: [topic], subscribe: [], addresses }),
    await enrol(tenant, { client: "analyst", publish: [], subscribe: [topic], addresses }),
  ]);
  if (!device || !reader) throw new Error("two clients were enrolled");
  for (const { bundle } of [device, reader]) await importBundle(bundle);
  return { tenant: await openTenant(owner), topic, device, reader };
}

/** Starts the consumer, the agent and its sensor. */
async function begin({ tenant, topic, device, reader }: Enrolment): Promise<Way> {
  const { name } = tenant;
  const consumer = await demoConsumer({
    name: `the consumer of ${name}`,
    folder: join(folder, `consumer-${name}`),
    credential: reader.credential,
    topics: [topic],
  });
  cleanups.push(() => consumer.stop());
  await consumer.spawn();
  const lines: Line[] = [];
  createInterface({ input: consumer.stdout }).on("line", (line) => lines.push(JSON.parse(line)));
  const serial = `serial-${randomBytes(8).toString("hex")}`;
  const agent = await DemoAgent.make({
    name: `the agent of ${name}`,
    folder: join(folder, `agent-${name}`),
    credential: device.credential,
    topic,
    sensor: { serial, rate: RATE, readings: Number.POSITIVE_INFINITY },
  });
  cleanups.push(() => agent.stop());
  await agent.process.spawn();
  await untilReady(agent.process, () => agent.isReady(), NEVER);
  void agent.sensor.play(playing.signal);
  return { tenant, topic, kafkaTopic: kafkaTopicIn(tenant, topic), agent, consumer, lines };
}

function kafkaTopicIn({ name, master: { epochs } }: Tenant, topic: string): string {
  const [first] = epochs;
  if (!first) throw new Error("the tenant has no epoch");
  const realm = { tenant: name, epoch: first.epoch };
  return kafkaTopicOf(ownerTag({ master: first.master, realm, topic }));
}

async function importBundle(file: string): Promise<void> {
  const documents: unknown = JSON.parse(await readFile(file, "utf8"));
  await http.post("/v1/import", documents, importResponseSchema);
}

/** What ZooKeeper has on disk, and of the brokers the log files of one topic. */
async function heldByKafka(kafkaTopic: string): Promise<string[]> {
  const { folder: cluster } = sharedCluster();
  const held = [join(cluster, "zookeeper")];
  for (const name of await readdir(cluster)) {
    if (!name.startsWith("kafka-")) continue;
    const partition = join(cluster, name, "data", `${kafkaTopic}-0`);
    const files = await readdir(partition);
    held.push(
      ...files.filter((file) => file.endsWith(".log")).map((file) => join(partition, file)),
    );
  }
  return held;
}

/** Resolves when the sensor has sent a few more lines. */
async function moreWritten({ sensor }: DemoAgent): Promise<void> {
  const { written } = sensor;
  await vi.waitFor(() => expect(sensor.written).toBeGreaterThan(written + 5), SLOW);
}

describe.each(SUITES)("suite %s", (suite) => {
  const way = (): Way => {
    const found = ways.get(suite);
    if (!found) throw new Error("it was not started");
    return found;
  };

  test("takes readings from a serial line to a consumer, each once and in order", async () => {
    const { agent, topic, lines } = way();
    await vi.waitFor(() => expect(lines.length).toBeGreaterThanOrEqual(ENOUGH), SLOW);
    const own = [...lines];
    const counts = own.map(({ pack }) => pack.find(({ n }) => n === "count")?.v);
    expect(counts).toEqual(counts.map((_, index) => index + 1));
    expect(own.every((line) => line.topic === topic && line.producer === "sensor-1")).toBe(true);
    expect(JSON.stringify(own.at(-1)?.pack)).toContain(agent.sensor.serial);
  });

  test("shows neither the topic nor a reading to anybody in between", async () => {
    const { agent, topic, kafkaTopic } = way();
    const inKafka = await heldByKafka(kafkaTopic);
    const between = [join(folder, "bridge"), join(folder, "mqtt.bin"), ...inKafka];
    const { leaks, bytes } = await findLeaks(between, [topic, agent.sensor.serial]);
    expect(leaks).toEqual([]);
    expect(bytes).toBeGreaterThan(0);
    // Where they looked is where it went by.
    const { leaks: seen } = await findLeaks(between, [kafkaTopic, way().tenant.name]);
    expect(seen.map(({ file }) => file)).toContain(join(folder, "mqtt.bin"));
  });

  test("cuts a revoked device off, for good", async () => {
    const { agent, tenant, lines } = way();
    const { bundle } = await revoke(tenant, "sensor-1");
    await importBundle(bundle);
    const state = async () => (await agent.status()).uplink.state;
    await vi.waitFor(async () => expect(await state()).toBe("revoked"), SLOW);
    const { acknowledged } = await agent.status();
    // What was on its way to the disk is still taken; then nothing more is.
    const taken = await vi.waitFor(async () => {
      const before = (await agent.status()).taken;
      await moreWritten(agent);
      expect((await agent.status()).taken).toBe(before);
      return before;
    }, SLOW);
    expect((await agent.status()).acknowledged).toBe(acknowledged);
    // What it sent stays; of the last ones Kafka may have some whose PUBACK the end of the session cut off.
    await vi.waitFor(() => expect(lines.length).toBeGreaterThanOrEqual(acknowledged), SLOW);
    expect(lines.length).toBeLessThanOrEqual(taken);
  });
});

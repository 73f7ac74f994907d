/** Two tenants on one bridge, with clients and topics of the same names: nothing of one is the other's. */

import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { z } from "zod";
import { HttpClient } from "../../core/ports/http/client.ts";
import { KafkaAdmin } from "../../core/ports/kafka/admin.ts";
import { NEVER } from "../../core/runtime/backoff.ts";
import { replaceSecretFile } from "../../core/runtime/files.ts";
import { generateMaster, type Master } from "../../core/scheme/owner.ts";
import { kafkaTopicOf } from "../../core/scheme/tag.ts";
import { encodeBundle } from "../../core/wire/directory.ts";
import { importResponseSchema } from "../../core/wire/http.ts";
import { INTERNAL_KIND, InternalStore } from "../../core/wire/store.ts";
import { DemoBridge } from "../../demo/demo-bridge.ts";
import { type DeviceKit, deviceKit, recordPublisher } from "../bench/load/device-kit.ts";
import { Publisher } from "../bench/load/publisher.ts";
import { freshName, sharedCluster } from "../support/cluster.ts";
import { sharedKafka } from "../support/kafka.ts";
import { type Placed, TestTenant, testIdentity } from "../support/signed-tenant.ts";
import { makeTenant } from "../support/tenant.ts";

const TOPIC = "plant/line-1";
const CLIENT = "sensor-1";
const SIZE = 200;

interface Party {
  readonly signed: TestTenant;
  readonly kit: DeviceKit;
  /** Where its records go. */
  readonly kafkaTopic: string;
  readonly documents: readonly Placed[];
}

let folder: string;
let bridge: DemoBridge;
let http: HttpClient;
let parties: [Party, Party];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "veilmq-tenants-"));
  const identity = await testIdentity();
  await replaceSecretFile(join(folder, "bridge.age"), `${identity}\n`);
  const master = (): Promise<Master> => generateMaster({ suite: "p256", random: randomBytes });
  parties = [await enrol(await master(), identity), await enrol(await master(), identity)];
  bridge = await DemoBridge.make({
    name: "the bridge",
    folder,
    zookeeper: sharedCluster().zookeeper,
    identity: join(folder, "bridge.age"),
    tenants: parties.map(({ signed: { name, rawKmsPublicKey } }) => {
      return { name, kmsPublicKey: rawKmsPublicKey.toString("base64url") };
    }),
  });
  http = new HttpClient({ baseUrl: bridge.url });
  await bridge.start(NEVER);
  for (const { documents } of parties) await importAll(documents);
});

afterAll(async () => {
  await http?.stop();
  await bridge?.process.stop();
  await rm(folder, { recursive: true, force: true });
});

async function enrol(master: Master, identity: string): Promise<Party> {
  const owner = makeTenant(freshName("tenant"), master);
  const { tenant, epoch } = owner.realm;
  const signed = new TestTenant(tenant, [{ epoch, parameters: owner.parameters }]);
  const device = owner.enrol(CLIENT, { topics: [TOPIC], urls: [] });
  const { credential, proxy: halves, publicKey: signingKey } = device;
  const { secret } = credential;
  const tag = Buffer.from(owner.tag(TOPIC), "hex");
  const documents = [
    await signed.head(identity, 1),
    signed.enrolment(CLIENT, 2, { secret, halves, signingKey }),
    signed.grants(CLIENT, 2, [{ tag }]),
    signed.cert(CLIENT, 2, signingKey),
  ];
  return { signed, kit: deviceKit(device, TOPIC), kafkaTopic: kafkaTopicOf(tag), documents };
}

async function importAll(documents: readonly Placed[]): Promise<void> {
  await http.post("/v1/import", JSON.parse(encodeBundle(documents)), importResponseSchema);
}

async function publish(kit: DeviceKit, count: number): Promise<void> {
  const publisher = await Publisher.open(
    recordPublisher(kit, { port: bridge.mqttPort, size: SIZE }),
  );
  publisher.send(count, performance.now());
  await vi.waitFor(() => expect(publisher.inFlight).toBe(0), { timeout: 60_000 });
  publisher.close();
}

async function metrics(): Promise<string> {
  const text = await readFile(join(folder, "state", "listening.json"), "utf8");
  const { admin } = z.object({ admin: z.number() }).parse(JSON.parse(text));
  return (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
}

test("records, topics, internal topics and metrics are each one's own", async () => {
  const [a, b] = parties;
  await publish(a.kit, 3);
  await publish(b.kit, 5);
  expect(a.kafkaTopic).not.toBe(b.kafkaTopic);
  const admin = new KafkaAdmin({ kafka: sharedKafka() });
  const ends = async (topic: string) => (await admin.listOffsets(topic)).map(({ high }) => high);
  expect([await ends(a.kafkaTopic), await ends(b.kafkaTopic)]).toEqual([[3n], [5n]]);
  const internal = parties.flatMap(({ signed }) => {
    const store = new InternalStore(signed.bridgeKey);
    return Object.values(INTERNAL_KIND).map((kind) => store.topicName(kind));
  });
  expect(new Set(internal).size).toBe(2 * Object.values(INTERNAL_KIND).length);
  for (const topic of internal) expect(await admin.leaders(topic)).toHaveLength(1);
  await admin.stop();
  const text = await metrics();
  expect(text).toContain(`veilmq_records_total{tenant="${a.signed.name}"} 3`);
  expect(text).toContain(`veilmq_records_total{tenant="${b.signed.name}"} 5`);
});

test("a secret, a token and a document of the other are none", async () => {
  const [a, b] = parties;
  const asOther = { ...a.kit, password: b.kit.password };
  await expect(publish(asOther, 1)).rejects.toThrow();
  // The other's token is no token here, or one of a topic that nobody is granted.
  await expect(publish({ ...a.kit, greeting: b.kit.greeting }, 1)).rejects.toThrow();
  const { document } = b.signed.enrolment(CLIENT, 9, { status: "revoked" });
  const { path } = a.signed.enrolment(CLIENT, 9);
  const refused = expect.objectContaining({ code: "BAD_DOCUMENT" });
  await expect(importAll([{ path, document }])).rejects.toThrow(refused);
});

test("who is revoked by one is still the other's", async () => {
  const [a, b] = parties;
  await importAll([b.signed.enrolment(CLIENT, 9, { status: "revoked" })]);
  await expect(publish(b.kit, 1)).rejects.toThrow();
  await publish(a.kit, 1);
});

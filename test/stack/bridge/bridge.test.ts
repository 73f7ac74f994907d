/** A whole bridge on a real ZooKeeper and Kafka: in process, and as `veilmq bridge run`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { stringify } from "yaml";
import { Bridge } from "../../../bridge/bridge.ts";
import { loadBridgeConfig } from "../../../bridge/config.ts";
import { HttpClient } from "../../../core/ports/http/client.ts";
import { replaceSecretFile } from "../../../core/runtime/files.ts";
import { clientRole } from "../../../core/scheme/client.ts";
import { kafkaTopicOf } from "../../../core/scheme/tag.ts";
import { encodeBundle } from "../../../core/wire/directory.ts";
import {
  importResponseSchema,
  matchResponseSchema,
  statusResponseSchema,
} from "../../../core/wire/http.ts";
import { testAccess } from "../../support/bridge-parts.ts";
import { freshName, sharedCluster } from "../../support/cluster.ts";
import { testFolder } from "../../support/folder.ts";
import { silentLog } from "../../support/kafka.ts";
import { type Placed, TestTenant, testIdentity } from "../../support/signed-tenant.ts";
import { makeTenant, type TestDevice } from "../../support/tenant.ts";

const TOPIC = "plant/boiler";

let identity: string;
beforeAll(async () => {
  identity = await testIdentity();
});

/** A tenant with real moduli, and its consumer. */
function newTenant() {
  const owner = makeTenant(freshName("t"));
  const { tenant: name } = owner.realm;
  const signed = new TestTenant(name, [{ epoch: 1, parameters: owner.parameters }]);
  const viewer = owner.enrol("viewer", { topics: [TOPIC], urls: [] });
  const tag = Buffer.from(owner.tag(TOPIC), "hex");
  return { name, owner, signed, viewer, tag };
}
type NewTenant = ReturnType<typeof newTenant>;

function enrolled({ signed, viewer, tag }: NewTenant, serial: number): Placed[] {
  const { secret } = viewer.credential;
  return [
    signed.enrolment("viewer", serial, { secret, halves: viewer.proxy }),
    signed.grants("viewer", serial, [{ tag }]),
    signed.cert("viewer", serial),
  ];
}

async function configFile(tenants: readonly NewTenant[], more: object = {}): Promise<string> {
  const folder = await testFolder();
  await replaceSecretFile(join(folder, "bridge.age"), `# a test's\n${identity}\n`);
  const listener = { host: "127.0.0.1", port: 0 };
  const path = join(folder, "bridge.yaml");
  const config = {
    mqtt: listener,
    http: listener,
    admin: listener,
    zookeeper: { servers: [sharedCluster().zookeeper], sessionTimeoutMs: 6_000 },
    stateDir: "state",
    identityFile: "bridge.age",
    tenants: tenants.map(({ name, signed }) => ({
      name,
      kmsPublicKey: signed.rawKmsPublicKey.toString("base64url"),
    })),
    ...more,
  };
  await writeFile(path, stringify(config));
  return path;
}

async function startBridge(tenants: readonly NewTenant[]): Promise<Bridge> {
  const config = await loadBridgeConfig(await configFile(tenants));
  const bridge = new Bridge({ config, log: silentLog });
  onTestFinished(async () => {
    await bridge.stop();
  });
  await bridge.start();
  return bridge;
}

function clientOf(bridge: Bridge, device?: TestDevice): HttpClient {
  const { credential } = device ?? {};
  const http = new HttpClient({
    baseUrl: `http://127.0.0.1:${bridge.listening.http}`,
    login: credential && {
      user: `${credential.client}@${credential.tenant}`,
      password: credential.secret.toString("base64url"),
    },
  });
  onTestFinished(() => http.stop());
  return http;
}

async function importTo(bridge: Bridge, documents: readonly Placed[]) {
  const bundle: unknown = JSON.parse(encodeBundle(documents));
  return clientOf(bridge).post("/v1/import", bundle, importResponseSchema);
}

function question({ owner, viewer }: NewTenant) {
  const [halves] = viewer.credential.halves;
  if (!halves) throw new Error("no halves");
  const { realm, parameters } = owner;
  const role = clientRole({ realm, parameters, halves: halves.halves });
  return { epoch: 1, trapdoor: role.token(TOPIC).toString("base64url") };
}

async function makeKafkaTopic(tag: Buffer): Promise<string> {
  const topic = kafkaTopicOf(tag);
  const { admin } = testAccess();
  await admin.ensureTopic({ topic, partitions: 1, replication: 3, config: {} });
  onTestFinished(async () => {
    await testAccess().admin.deleteTopic(topic);
  });
  return topic;
}

describe("a bridge", () => {
  test("serves a tenant from the moment its head is imported, and so does the other one", async () => {
    const [tenant, idle] = [newTenant(), newTenant()];
    const one = await startBridge([tenant, idle]);
    const two = await startBridge([tenant, idle]);
    const asked = clientOf(two, tenant.viewer);
    await expect(
      asked.post("/v1/match", question(tenant), matchResponseSchema),
    ).rejects.toMatchObject({ code: "AUTH" });
    const documents = [await tenant.signed.head(identity, 1), ...enrolled(tenant, 2)];
    expect(await importTo(one, documents)).toEqual({ accepted: 4, unchanged: 0 });
    await expect
      .poll(() =>
        asked
          .post("/v1/match", question(tenant), matchResponseSchema)
          .catch((error: { code?: string }) => error.code),
      )
      .toBe("NOT_FOUND");
    const topic = await makeKafkaTopic(tenant.tag);
    await expect
      .poll(() => asked.post("/v1/match", question(tenant), matchResponseSchema).catch(() => null))
      .toMatchObject({ topic_name: topic, epoch: 1, partitions: [{ partition: 0 }] });
    const { brokerAddress } = await asked.post("/v1/match", question(tenant), matchResponseSchema);
    expect(sharedCluster().brokers).toContain(brokerAddress);
    const status = await asked.get("/v1/status", statusResponseSchema);
    expect(Object.values(status).map(({ state }) => state)).toEqual(["up", "up", "up", "up"]);
  });

  test("tells the operator how it is", async () => {
    const bridge = await startBridge([newTenant()]);
    const base = `http://127.0.0.1:${bridge.listening.admin}`;
    expect((await fetch(`${base}/healthz`)).status).toBe(200);
    const ready = await fetch(`${base}/readyz`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({
      ready: true,
      kafka: { state: "up" },
      zookeeper: { state: "up" },
      disk: { state: "up" },
    });
    await expect(importTo(bridge, [newTenant().signed.enrolment("pump", 1)])).rejects.toMatchObject(
      {
        code: "BAD_DOCUMENT",
      },
    );
    const metrics = await (await fetch(`${base}/metrics`)).text();
    expect(metrics).toMatch(/veilmq_http_refusals_total\{code="BAD_DOCUMENT",tenant="-"\} 1/);
    expect(metrics).toMatch(/veilmq_http_request_seconds_count\{route="\/readyz",status="200"\} 1/);
    expect(metrics).toMatch(/^process_resident_memory_bytes \d+/m);
  });

  test("revokes at once: the consumer gets no match any more, at another bridge neither", async () => {
    const tenant = newTenant();
    const one = await startBridge([tenant]);
    const two = await startBridge([tenant]);
    await importTo(one, [await tenant.signed.head(identity, 1), ...enrolled(tenant, 2)]);
    await makeKafkaTopic(tenant.tag);
    const asked = clientOf(two, tenant.viewer);
    const codeOf = () =>
      asked.post("/v1/match", question(tenant), matchResponseSchema).then(
        () => "matched",
        (error: { code?: string }) => error.code,
      );
    await expect.poll(codeOf).toBe("matched");
    const { secret } = tenant.viewer.credential;
    const revocation = tenant.signed.enrolment("viewer", 3, { status: "revoked", secret });
    await importTo(one, [revocation]);
    await expect.poll(codeOf).toBe("REVOKED");
  });

  test("without ZooKeeper it says so and stops what it had started", async () => {
    const path = await configFile([newTenant()], { zookeeper: { servers: ["127.0.0.1:1"] } });
    const bridge = new Bridge({ config: await loadBridgeConfig(path), log: silentLog });
    const starting = bridge.start();
    starting.catch(() => undefined);
    await new Promise((done) => setTimeout(done, 500));
    expect(await bridge.stop()).toBe(true);
    await expect(starting).rejects.toMatchObject({ code: "STOPPED" });
    expect(() => bridge.listening).toThrow(expect.objectContaining({ code: "STOPPED" }));
  });
});

describe("veilmq bridge run", () => {
  test("writes its ports, logs no secret, and exits 0 after SIGTERM", async () => {
    const tenant = newTenant();
    const config = await configFile([tenant]);
    const child = spawn(process.execPath, [
      resolve("dist/cli/main.js"),
      "bridge",
      "run",
      "--config",
      config,
    ]);
    onTestFinished(() => {
      child.kill("SIGKILL");
    });
    let log = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      log += chunk;
    });
    const portsFile = join(config, "..", "state", "listening.json");
    await expect.poll(() => readFile(portsFile, "utf8").catch(() => "")).toMatch(/http/);
    const ports: { http: number } = JSON.parse(await readFile(portsFile, "utf8"));
    const http = new HttpClient({ baseUrl: `http://127.0.0.1:${ports.http}` });
    onTestFinished(() => http.stop());
    const documents = [await tenant.signed.head(identity, 1), ...enrolled(tenant, 2)];
    const bundle: unknown = JSON.parse(encodeBundle(documents));
    await http.post("/v1/import", bundle, importResponseSchema);
    child.kill("SIGTERM");
    const [code] = await once(child, "exit");
    expect(code).toBe(0);
    expect(log).toContain('"msg":"listening"');
    for (const secret of [tenant.signed.bridgeKey, tenant.tag, tenant.viewer.credential.secret])
      for (const form of ["hex", "base64", "base64url"] as const)
        expect(log).not.toContain(secret.toString(form));
    expect(log).not.toContain(identity);
    await expect(readFile(portsFile)).rejects.toThrow();
  });

  test("names all problems of its configuration, and starts nothing", async () => {
    const config = await configFile([newTenant()], { mqtt: { host: "0.0.0.0" }, colour: "red" });
    const child = spawn(process.execPath, [
      resolve("dist/cli/main.js"),
      "bridge",
      "run",
      "--config",
      config,
    ]);
    let log = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      log += chunk;
    });
    const [code] = await once(child, "exit");
    expect(code).toBe(1);
    expect(log).toMatch(/mqtt\.host: is not loopback/);
    expect(log).toMatch(/colour/);
  });
});

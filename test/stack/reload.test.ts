/** SIGHUP at a bridge of its own process: certificates, tenants and limits change, and no session ends. */

import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { HttpClient } from "../../core/ports/http/client.ts";
import { connectMqtt, type MqttConnection } from "../../core/ports/mqtt/client.ts";
import { NEVER } from "../../core/runtime/backoff.ts";
import { replaceSecretFile } from "../../core/runtime/files.ts";
import { encodeBundle } from "../../core/wire/directory.ts";
import { importResponseSchema } from "../../core/wire/http.ts";
import { DemoBridge } from "../../demo/demo-bridge.ts";
import { veilmq } from "../cli/veilmq.ts";
import { freshName, sharedCluster } from "../support/cluster.ts";
import { type Placed, TestTenant, testIdentity } from "../support/signed-tenant.ts";

const CERTIFICATES = "test/support/certificate";
/** Of the certificate that takes the first one's place. */
const SECOND = "VeilMQ test authority 2";
const SECRET = Buffer.alloc(32, 3);
const SOON = { timeout: 60_000, interval: 50 };

let folder: string;
let identity: string;
let bridge: DemoBridge;
let http: HttpClient;
const [first, second] = [new TestTenant(freshName("first")), new TestTenant(freshName("second"))];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "veilmq-reload-"));
  identity = await testIdentity();
  await replaceSecretFile(join(folder, "bridge.age"), `${identity}\n`);
  await takeCertificate("server");
  bridge = await DemoBridge.make({
    name: "the bridge",
    folder,
    zookeeper: sharedCluster().zookeeper,
    identity: join(folder, "bridge.age"),
    mqttTls: { cert: join(folder, "mqtt.pem"), key: join(folder, "mqtt.key") },
    tenants: [entryOf(first)],
  });
  const tls = { cert: join(folder, "mqtt.pem"), key: join(folder, "mqtt.key") };
  await edit(({ http: plain, admin, ...config }) => {
    return { ...config, http: { ...plain, tls }, admin: { ...admin, tls } };
  });
  http = new HttpClient({
    baseUrl: httpsAt(Number(new URL(bridge.url).port)),
    ca: await bothAuthorities(),
  });
  await bridge.start(NEVER);
  await importAll([
    await first.head(identity, 1),
    first.enrolment("sensor-1", 2, { secret: SECRET }),
  ]);
});

afterAll(async () => {
  await http?.stop();
  await bridge?.process.stop();
  await rm(folder, { recursive: true, force: true });
});

function entryOf({ name, rawKmsPublicKey }: TestTenant) {
  return { name, kmsPublicKey: rawKmsPublicKey.toString("base64url") };
}

async function takeCertificate(name: "server" | "server2"): Promise<void> {
  for (const kind of ["pem", "key"] as const)
    await copyFile(join(CERTIFICATES, `${name}.${kind}`), join(folder, `mqtt.${kind}`));
}

async function importAll(documents: readonly Placed[]): Promise<void> {
  await http.post("/v1/import", JSON.parse(encodeBundle(documents)), importResponseSchema);
}

function httpsAt(port: number): string {
  return `https://127.0.0.1:${port}`;
}

async function bothAuthorities(): Promise<string> {
  const authorities = await Promise.all(
    ["ca.pem", "ca2.pem"].map((name) => readFile(join(CERTIFICATES, name), "utf8")),
  );
  return authorities.join("");
}

async function connect(login: string): Promise<MqttConnection> {
  return connectMqtt({
    ...{ login, secret: SECRET, signal: NEVER, keepaliveS: 30 },
    url: `mqtts://127.0.0.1:${bridge.mqttPort}`,
    ca: await bothAuthorities(),
    onMessage: () => true,
  });
}

/** The authority of the certificate that a new connection to each listener gets. */
async function authorities(): Promise<string[]> {
  const { admin } = await listening();
  const ports = [bridge.mqttPort, Number(new URL(bridge.url).port), admin];
  return await Promise.all(ports.map(authorityAt));
}

async function listening(): Promise<{ admin: number }> {
  const text = await readFile(join(folder, "state", "listening.json"), "utf8");
  return z.object({ admin: z.number() }).parse(JSON.parse(text));
}

async function authorityAt(port: number): Promise<string> {
  const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false });
  await new Promise((resolve, reject) => {
    socket.once("secureConnect", resolve).once("error", reject);
  });
  const { issuer } = socket.getPeerCertificate();
  socket.destroy();
  return String(issuer.CN);
}

const section = z.looseObject({});
const configSchema = z.looseObject({
  tenants: z.array(z.unknown()),
  http: section,
  admin: section,
});

async function edit(change: (config: z.output<typeof configSchema>) => object): Promise<void> {
  const config = configSchema.parse(parse(await readFile(bridge.configFile, "utf8")));
  await writeFile(bridge.configFile, stringify(change(config)));
}

async function logs(text: string): Promise<void> {
  const log = async () => await readFile(join(folder, "bridge.log"), "utf8");
  await vi.waitFor(async () => expect(await log()).toContain(text), SOON);
}

test("the certificates, a tenant and a limit are taken over; a session stays, and ends with its tenant", async () => {
  const session = await connect(`sensor-1@${first.name}`);
  let ended = false;
  void session.closed.then(() => {
    ended = true;
  });
  expect(new Set(await authorities())).not.toContain(SECOND);
  const strange = [await second.head(identity, 1)];
  await expect(importAll(strange)).rejects.toThrow();

  await takeCertificate("server2");
  await edit((config) => ({
    ...config,
    tenants: [...config.tenants, { ...entryOf(second), limits: { connections: 1 } }],
    admin: { ...config.admin, port: 9 },
  }));
  await bridge.process.kill("SIGHUP");
  const taken = [SECOND, SECOND, SECOND];
  await vi.waitFor(async () => expect(await authorities()).toEqual(taken), SOON);
  await logs('"fields":["admin"]');

  await importAll([
    ...strange,
    second.enrolment("a", 2, { secret: SECRET }),
    second.enrolment("b", 3, { secret: SECRET }),
  ]);
  const own = await connect(`a@${second.name}`);
  await expect(connect(`b@${second.name}`)).rejects.toThrow(
    expect.objectContaining({ code: "UNAVAILABLE" }),
  );
  await logs('"limit":"tenant.connections"');
  expect(ended).toBe(false);

  const url = httpsAt((await listening()).admin);
  const trusted = ["--ca", join(CERTIFICATES, "ca2.pem")];
  const args = ["bridge", "clients", "--admin", url, ...trusted, "--tenant", second.name];
  const listed = await veilmq(args);
  const lines = listed.stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(2);
  expect(lines).toContainEqual(expect.stringMatching(/^a@second-\w+\tconnected\tseen \d+ s ago/));
  expect(lines).toContainEqual(
    expect.stringMatching(/^b@second-\w+\taway\tseen never\t0\/s\tlast refused: connect LIMIT/),
  );

  // A broken file changes nothing.
  const good = await readFile(bridge.configFile, "utf8");
  await writeFile(bridge.configFile, `${good}\ncolour: red\n`);
  await bridge.process.kill("SIGHUP");
  await logs("the configuration was not reloaded");
  expect(ended).toBe(false);

  // A tenant that is taken out is served no more.
  await writeFile(bridge.configFile, good);
  await edit((config) => ({ ...config, tenants: config.tenants.slice(1) }));
  await bridge.process.kill("SIGHUP");
  await vi.waitFor(() => expect(ended).toBe(true), SOON);
  await expect(connect(`sensor-1@${first.name}`)).rejects.toThrow(
    expect.objectContaining({ code: "AUTH" }),
  );
  await own.close();
});

test("a check tells all that is wrong at once", async () => {
  const files = ["expired.pem", "expired.key"];
  for (const name of files) await copyFile(join(CERTIFICATES, name), join(folder, name));
  const path = join(folder, "wrong.yaml");
  const [cert, key] = files;
  const config = {
    mqtt: { tls: { cert, key } },
    http: { tls: { cert: "nowhere.pem", key } },
    zookeeper: { servers: [sharedCluster().zookeeper] },
    stateDir: "state",
    identityFile: "bridge.age",
    tenants: [entryOf(new TestTenant("nobody-has-this"))],
  };
  await writeFile(path, stringify(config));
  const { code, stdout } = await veilmq(["bridge", "check", "--config", path]);
  expect(code).toBe(1);
  const said = stdout.split("\n").filter((line) => !line.startsWith("ok "));
  expect(said).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^error {3}mqtt\.tls: .*expired\.pem has expired$/),
      expect.stringMatching(/^warning mqtt\.tls\.key: .*expired\.key can be read by others$/),
      expect.stringMatching(/^error {3}http: cannot read .*nowhere\.pem/),
      expect.stringMatching(/^error {3}tenant nobody-has-this: has no head/),
    ]),
  );

  const better = { ...config, http: {}, mqtt: {}, limits: { mqttConnections: 10 } };
  await writeFile(path, stringify(better));
  const again = await veilmq(["bridge", "check", "--config", path, "--json"]);
  const { findings } = z
    .object({ findings: z.array(z.looseObject({ severity: z.string(), subject: z.string() })) })
    .parse(JSON.parse(again.stdout));
  // Other tests make topics here as they please.
  const isOwn = ({ subject }: { subject: string }): boolean => !subject.startsWith("veil-");
  const wrong = findings.filter(isOwn).filter(({ severity }) => severity === "error");
  expect(wrong.map(({ subject }) => subject)).toEqual(["tenant nobody-has-this"]);
  const weak = findings.filter(({ severity }) => severity === "warning");
  expect(weak.map(({ subject }) => subject)).toEqual(
    expect.arrayContaining(["zookeeper", "zookeeper.authFile", "kafka acls"]),
  );
});

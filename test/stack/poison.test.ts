/**
 * Poison never blocks: whatever a client sends or is, it costs that one thing, with one clear line and a hint for
 * those who can mend it, and the readings of its neighbours go on. Real processes on the shared cluster.
 */

import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { connectMqtt, type MqttConnection } from "../../core/ports/mqtt/client.ts";
import { NEVER } from "../../core/runtime/backoff.ts";
import { replaceSecretFile } from "../../core/runtime/files.ts";
import { type Credential, decodeCredential, encodeCredential } from "../../core/wire/credential.ts";
import { formatLogin } from "../../core/wire/login.ts";
import { decodeAck, encodeRegistration, formatUpstream } from "../../core/wire/mqtt.ts";
import { DemoAgent } from "../../demo/demo-agent.ts";
import { DemoStack, type RunningStack } from "../../demo/stack.ts";
import { veilmq } from "../../demo/veilmq.ts";
import { RawClient } from "../core/ports/mqtt/raw-client.ts";
import { quick } from "../kms/fixture.ts";
import { sharedCluster } from "../support/cluster.ts";

const SOON = { timeout: 60_000, interval: 50 };
const RATE = 20;
/** What a neighbour must get through before a case counts as survived. */
const READINGS = 2 * RATE;
const TEN_MB = 10_000_000;
const TOKEN_BYTES = 256;

const DEMO = { brokers: 3, once: null, json: false, keep: null } as const;

/** What a daemon says, one JSON object a line, as far as it matters here. */
interface Line {
  readonly level: string;
  readonly msg: string;
  readonly code?: string;
  readonly hint?: string;
  readonly reason?: string;
  readonly client?: string;
  readonly refusal?: string;
  readonly what?: string;
  readonly err?: { readonly code?: string };
}

/** Complaints in a log, from its `from`th line on. */
async function complaints(file: string, from = 0): Promise<Line[]> {
  const lines = (await readFile(file, "utf8")).split("\n").slice(from, -1);
  return lines
    .map((line): Line => JSON.parse(line))
    .filter(({ level }) => level === "warn" || level === "error");
}

describe("poison", () => {
  let folder: string;
  let stack: DemoStack;
  let running: RunningStack;
  let bridgeLog: string;
  let mqttPort: number;
  /** Enrolled, granted, and without an agent: whoever tries something has its credential. */
  let stray: Credential;
  let signer: Credential;
  const playing = new AbortController();
  const arrived = new Map<string, number>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "veilmq-poison-"));
    const dir = join(folder, "stack");
    const { zookeeper } = sharedCluster();
    const options = { ...DEMO, sensors: 2, rate: RATE, zookeeper };
    stack = new DemoStack({ options, dir, keys: quick(), signal: NEVER, say: () => undefined });
    running = await stack.start();
    bridgeLog = running.bridge.logFile;
    createInterface({ input: running.consumer.stdout }).on("line", (line) => {
      const { producer }: { producer: string } = JSON.parse(line);
      arrived.set(producer, (arrived.get(producer) ?? 0) + 1);
    });
    for (const { sensor } of running.agents) void sensor.play(playing.signal);
    [stray, signer] = await enrol();
    mqttPort = Number(new URL(stray.bridge.mqtt[0] ?? "").port);
    await goesOn("sensor-1");
  }, 180_000);

  afterAll(async () => {
    playing.abort();
    await stack.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function enrol(): Promise<[Credential, Credential]> {
    const first = await readCredential("sensor-1");
    const common = { publish: [running.topics[0] ?? ""], bridge: first.bridge };
    const enrolled = await running.tenant.enrol([
      { client: "stray", ...common },
      { client: "signer", signs: true, ...common },
    ]);
    const bundles = enrolled.map(({ bundle }) => bundle);
    await veilmq(["bridge", "import", ...bundles, "--bridge", running.bridgeUrl], NEVER);
    return [await readCredential("stray"), await readCredential("signer")];
  }

  async function readCredential(client: string): Promise<Credential> {
    const name = `${client}.cred.json`;
    return decodeCredential(await readFile(join(folder, "stack/kms/demo/credentials", name)));
  }

  /** Many readings of a device arrive from now on. */
  async function goesOn(device: string): Promise<void> {
    const before = arrived.get(device) ?? 0;
    const more = () => expect(arrived.get(device) ?? 0).toBeGreaterThan(before + READINGS);
    await vi.waitFor(more, SOON);
  }

  /** Runs a case while its neighbours go on: no reading is held up, no connection of theirs ends. */
  async function besideNeighbours(work: () => Promise<void>): Promise<void> {
    await work();
    await goesOn("sensor-2");
    const { uplink, rejected } = (await running.agents[1]?.status()) ?? {};
    expect({ state: uplink?.state, rejected }).toEqual({ state: "connected", rejected: 0 });
    expect(await complaints(running.agents[1]?.process.logFile ?? "")).toEqual([]);
  }

  /** The lines of the bridge that complain of `client` since the line `from`, as soon as there is one. */
  async function bridgeSays(client: string, from: number): Promise<Line[]> {
    return vi.waitFor(async () => {
      const said = await complaints(bridgeLog, from);
      const own = said.filter((line) => line.client?.split("@")[0] === client);
      expect(own.length).toBeGreaterThan(0);
      return own;
    }, SOON);
  }

  async function bridgeLines(): Promise<number> {
    return (await readFile(bridgeLog, "utf8")).split("\n").length - 1;
  }

  /** An agent with a credential of its own, reading its own sensor. */
  async function startAgent(credential: Credential, topic: string): Promise<DemoAgent> {
    const name = randomBytes(4).toString("hex");
    const path = join(folder, `${name}.cred.json`);
    await replaceSecretFile(path, encodeCredential(credential));
    const agent = await DemoAgent.make({
      ...{ name, topic, credential: path, folder: join(folder, name) },
      sensor: { serial: `serial-${name}${name}`, rate: 2, readings: Number.POSITIVE_INFINITY },
    });
    await agent.process.spawn();
    const end = new AbortController();
    onTestFinished(async () => {
      end.abort();
      await agent.stop();
    });
    await vi.waitFor(async () => expect(await agent.isReady()).toBe(true), SOON);
    void agent.sensor.play(end.signal);
    return agent;
  }

  /** What an agent complains of, as soon as it says something with these words. */
  async function agentSays(agent: DemoAgent, words: RegExp): Promise<Line[]> {
    return vi.waitFor(async () => {
      const said = await complaints(agent.process.logFile);
      expect(said.map(({ msg }) => msg).join("\n")).toMatch(words);
      return said;
    }, SOON);
  }

  /** What the bridge answers to a registration of the stray. */
  async function register(token: Buffer): Promise<unknown> {
    const acks: unknown[] = [];
    const connection: MqttConnection = await connectMqtt({
      url: `mqtt://127.0.0.1:${mqttPort}`,
      login: formatLogin(stray),
      secret: stray.secret,
      signal: NEVER,
      keepaliveS: 30,
      onMessage: (_topic, payload) => acks.push(decodeAck(payload)) > 0,
    });
    const registration = encodeRegistration({ epoch: 1, token });
    await connection.publish(formatUpstream({ kind: "reg", alias: 1 }), registration);
    await vi.waitFor(() => expect(acks).toHaveLength(1), SOON);
    await connection.close();
    return acks[0];
  }

  test("a record that is refused for good is put aside, and the next one is sent", async () => {
    const from = await bridgeLines();
    await besideNeighbours(async () => {
      // Its credential lost the rule that its enrolment has: every record of it is refused.
      const agent = await startAgent({ ...signer, signs: false }, running.topics[0] ?? "");
      const many = async () => expect((await agent.status()).rejected).toBeGreaterThan(2);
      await vi.waitFor(many, SOON);
      const [first] = await bridgeSays("signer", from);
      expect(first).toMatchObject({ what: "rec", code: "BAD_RECORD", hint: expect.any(String) });
      const said = await agentSays(agent, /^refused; it is kept in rejected/m);
      expect(said.find(({ code }) => code === "BAD_RECORD")).toBeDefined();
    });
  });

  test("a topic without grant is left alone; its readings wait", async () => {
    const topic = `not-granted/${randomBytes(6).toString("hex")}`;
    const from = await bridgeLines();
    await besideNeighbours(async () => {
      const topics = [{ name: topic, ops: ["pub" as const] }];
      const agent = await startAgent({ ...stray, topics }, topic);
      const told = [{ what: "reg", code: "NO_GRANT", hint: expect.stringContaining("kms grant") }];
      expect(await bridgeSays("stray", from)).toMatchObject(told);
      const said = await agentSays(agent, /a topic is refused; .*kms grant/);
      expect(said).toMatchObject([{ code: "NO_GRANT", reason: expect.any(String) }]);
      const waits = async () => expect((await agent.status()).pending).toBeGreaterThan(2);
      await vi.waitFor(waits, SOON);
      expect((await agent.status()).uplink.state).toBe("connected");
      for (const log of [bridgeLog, agent.process.logFile])
        expect(await readFile(log, "utf8")).not.toContain(topic);
    });
  });

  test("an epoch that is not in force is left alone", async () => {
    const from = await bridgeLines();
    await besideNeighbours(async () => {
      const epochs = stray.epochs.map((each) => ({ ...each, epoch: each.epoch + 1 }));
      const halves = stray.halves.map((each) => ({ ...each, epoch: each.epoch + 1 }));
      const agent = await startAgent({ ...stray, epochs, halves }, running.topics[0] ?? "");
      const told = [{ what: "reg", code: "EPOCH", hint: expect.stringContaining("credential") }];
      expect(await bridgeSays("stray", from)).toMatchObject(told);
      const said = await agentSays(agent, /a topic is refused; .*newer ones come by themselves/);
      expect(said).toMatchObject([{ code: "EPOCH" }]);
    });
  });

  test("a wrong password is refused in one line, and the agent waits a minute", async () => {
    const from = await bridgeLines();
    await besideNeighbours(async () => {
      const secret = randomBytes(32);
      const agent = await startAgent({ ...stray, secret }, running.topics[0] ?? "");
      const told = { what: "connect", code: "AUTH", hint: expect.stringContaining("enrolled") };
      expect(await bridgeSays("stray", from)).toMatchObject([told]);
      const said = await agentSays(agent, /no bridge/);
      expect(said).toMatchObject([{ err: { code: "AUTH" }, hint: expect.any(String) }]);
      const { uplink } = await agent.status();
      expect(uplink).toMatchObject({ state: "refused", lastError: { code: "AUTH" } });
    });
  });

  test("a garbled token is no topic", async () => {
    const from = await bridgeLines();
    await besideNeighbours(async () => {
      const garbled = Buffer.alloc(TOKEN_BYTES, 0xff);
      expect(await register(garbled)).toMatchObject({ status: "refused", code: "BAD_TOKEN" });
      const told = [{ what: "reg", code: "BAD_TOKEN", hint: expect.any(String) }];
      expect(await bridgeSays("stray", from)).toMatchObject(told);
    });
  });

  test("a token that was overheard says nothing under another login", async () => {
    const from = await bridgeLines();
    const heard = await readFile(join(folder, "stack/network/mqtt.bin"));
    const topic = formatUpstream({ kind: "reg", alias: 1 });
    // PUBLISH: topic, packet identifier (2 bytes), epoch (4), token.
    const at = heard.indexOf(topic) + topic.length + 6;
    const token = heard.subarray(at, at + TOKEN_BYTES);
    await besideNeighbours(async () => {
      expect(await register(token)).toMatchObject({ status: "refused", code: "NO_GRANT" });
      const told = [{ what: "reg", code: "NO_GRANT", hint: expect.any(String) }];
      expect(await bridgeSays("stray", from)).toMatchObject(told);
    });
  });

  test("a packet of 10 MB ends its connection at its first bytes", async () => {
    const from = await bridgeLines();
    await besideNeighbours(async () => {
      const password = stray.secret.toString("base64url");
      const client = await RawClient.login(mqttPort, formatLogin(stray), password);
      expect(client.returnCode).toBe(0);
      client.publish("v1/rec/1", Buffer.alloc(TEN_MB), 1);
      await client.closed();
      const told = { refusal: "packet-size", code: "TOO_LARGE", hint: expect.any(String) };
      expect(await bridgeSays("stray", from)).toMatchObject([told]);
    });
  });

  test("a revoked device is told so, and its neighbour is not disturbed", async () => {
    const from = await bridgeLines();
    await besideNeighbours(async () => {
      const revoked = await running.tenant.revoke("sensor-1");
      await veilmq(["bridge", "import", revoked, "--bridge", running.bridgeUrl], NEVER);
      const [first] = await bridgeSays("sensor-1", from);
      const told = { what: "connect", code: "REVOKED", hint: expect.stringContaining("owner") };
      expect(first).toMatchObject(told);
      const agent = running.agents[0];
      if (!agent) throw new Error("two agents were asked for");
      const said = await agentSays(agent, /this client is revoked: nothing is taken any more/);
      const why = said.find(({ err }) => err?.code === "REVOKED");
      expect(why).toMatchObject({ hint: expect.stringContaining("kms enrol") });
    });
  });
});

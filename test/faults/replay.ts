/**
 * `npm run faults -- replay`: a device that was offline for a month, one reading a second. Its outbox is filled by the
 * agent's own code; then the agent as the package starts it sends all of it through a bridge to Kafka, and a consumer reads
 * it from there: each reading once, in order, and an agent that takes no more memory at the end than in the middle.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { stringify } from "yaml";
import { type AgentStatus, agentStatusSchema } from "../../agent/device/status.ts";
import { VeilError } from "../../core/errors.ts";
import { pause } from "../../core/runtime/backoff.ts";
import { makeFolder, replaceFile, replaceSecretFile } from "../../core/runtime/files.ts";
import { askLocal } from "../../core/runtime/local-http.ts";
import { encodeCredential } from "../../core/wire/credential.ts";
import { parseJson } from "../../core/wire/fields.ts";
import { parseArrival } from "../../demo/arrivals.ts";
import { startCluster } from "../../demo/cluster/cluster.ts";
import type { GuardedProcess } from "../../demo/guarded-process.ts";
import { untilReady } from "../../demo/ready.ts";
import { veilmqDaemon } from "../../demo/veilmq.ts";
import { unitSettings } from "../bench/framework/unit-settings.ts";
import { residentBytes } from "../bench/load/usage.ts";
import { Operator } from "../bench/rig/operator.ts";
import { ArrivalOrder } from "./arrival-order.ts";
import { COUNT_NAME, type Filled, fillOutbox } from "./replay-outbox.ts";

const TOPIC = "plant/line-1";
const TENTHS = 10;
const POLL_MS = 200;
const TELL_MS = 10_000;
/** As `TimeoutStartSec` of its unit. */
const START_MS = 600_000;
/** Nothing left the outbox for so long. */
const STALLED_MS = 120_000;
const MIB = 2 ** 20;

export interface ReplayOptions {
  readonly readings: number;
  /** `replayPerSecond` of agent.yaml. */
  readonly rate: number;
  readonly dir: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** How far the replay was, and what the agent took. */
export interface Tenth {
  readonly done: number;
  /** Since the agent's start. */
  readonly seconds: number;
  /** The most that was seen of its resident memory in this tenth. */
  readonly residentMiB: number;
}

export interface ReplayResult {
  readonly readings: number;
  readonly filled: Filled;
  /** From the agent's start until it answered: its outbox was open. */
  readonly startS: number;
  readonly tenths: readonly Tenth[];
  /** Lines in the agent's log that said how far it was. */
  readonly progressLines: number;
  readonly arrived: number;
  readonly lost: number;
  readonly doubled: number;
  readonly outOfOrder: number;
  /** Refused for good by the bridge. */
  readonly rejected: number;
}

/** Throws what did not start, TIMEOUT where the outbox does not empty. */
export async function replayMonth(options: ReplayOptions): Promise<ReplayResult> {
  const { dir, signal, say, readings } = options;
  const cluster = await startCluster({ dir, brokers: 1, signal, onProgress: say });
  try {
    const { zookeeper } = cluster;
    const folder = join(dir, "operator");
    const operator = await Operator.start({ folder, zookeeper, bridges: 1, signal });
    try {
      const [device, reader] = await operator.enrol([
        { client: "device-1", topics: [TOPIC] },
        { client: "analyst", topics: [TOPIC] },
      ]);
      if (!device || !reader) throw new VeilError("INTERNAL", "nobody was enrolled");
      const stateDir = join(dir, "agent", "state");
      await makeFolder(stateDir);
      const say10 = sayNowAndThen(say, readings);
      const { credential } = device;
      const filled = await fillOutbox({
        ...{ stateDir, credential, topic: TOPIC, readings, signal },
        onReading: () => say10("in the outbox"),
      });
      say(`the outbox holds ${Math.round(filled.bytes / MIB)} MiB; the agent starts`);
      const urls = [`mqtt://127.0.0.1:${operator.bridges[0]?.mqttPort}`];
      const sent = await send({ ...options, urls, credential: encodeCredential(credential) });
      const file = join(dir, "analyst.cred.json");
      await replaceSecretFile(file, encodeCredential(operator.credentialOf(reader)));
      const order = await readBack(file, options);
      return { readings, filled, ...sent, ...order.verdict };
    } finally {
      await operator.stop();
    }
  } finally {
    await cluster.stop();
  }
}

interface SendOptions extends ReplayOptions {
  readonly urls: readonly string[];
  readonly credential: string;
}

/** Runs the agent until its outbox is empty. */
async function send(options: SendOptions) {
  const { dir, rate, urls, credential, signal } = options;
  const folder = join(dir, "agent");
  const config = join(folder, "agent.yaml");
  await replaceSecretFile(join(folder, "credential"), credential);
  const bridge = { urls, replayPerSecond: rate };
  const settings = { credential: "credential", stateDir: "state", ports: [], bridge };
  await replaceFile(config, stringify(settings));
  const agent = veilmqDaemon({
    name: "the agent",
    args: ["agent", "run", "--config", config],
    logFile: join(folder, "agent.log"),
    node: await unitSettings("default"),
  });
  const socket = join(folder, "state", "agent.sock");
  const ask = async (): Promise<AgentStatus> =>
    parseJson(await askLocal(socket, "/status"), agentStatusSchema);
  const beganMs = performance.now();
  await agent.spawn();
  try {
    await untilReady(agent, () => ask().then(Boolean, () => false), signal, START_MS);
    const startS = (performance.now() - beganMs) / 1000;
    const tenths = await watch(agent, ask, { ...options, beganMs });
    const { rejected } = await ask();
    const log = (await readFile(agent.logFile, "utf8")).split("\n");
    const progressLines = log.filter((line) => /"msg":"repla(ying|yed)"/.test(line)).length;
    return { startS, tenths, progressLines, rejected };
  } finally {
    await agent.stop();
  }
}

/** Looks at the agent until nothing waits any more. */
async function watch(
  agent: GuardedProcess,
  ask: () => Promise<AgentStatus>,
  { readings, beganMs, signal, say }: SendOptions & { beganMs: number },
): Promise<Tenth[]> {
  const tenths: Tenth[] = [];
  let [residentMiB, done, progressMs, toldMs] = [0, 0, performance.now(), performance.now()];
  while (tenths.length < TENTHS) {
    const { pending } = await ask();
    const nowMs = performance.now();
    // Announcements of keys wait, too.
    const now = Math.max(0, readings - pending);
    if (now > done) progressMs = nowMs;
    else if (nowMs - progressMs > STALLED_MS)
      throw new VeilError("TIMEOUT", `the replay stands still: see ${agent.logFile}`);
    done = now;
    residentMiB = Math.max(residentMiB, (await residentBytes(agent.pid ?? 0)) / MIB);
    const seconds = (nowMs - beganMs) / 1000;
    if (done >= ((tenths.length + 1) * readings) / TENTHS && (pending === 0 || done < readings)) {
      tenths.push({ done, seconds, residentMiB });
      residentMiB = 0;
    }
    if (nowMs - toldMs >= TELL_MS) {
      toldMs = nowMs;
      say(`${done} of ${readings} acknowledged, ${Math.round(done / seconds)} a second`);
    }
    if (!(await pause(POLL_MS, signal))) throw new VeilError("STOPPED", "interrupted");
  }
  return tenths;
}

/** Reads the topic to its end, as a consumer does. */
async function readBack(
  credential: string,
  { readings, dir, signal, say }: ReplayOptions,
): Promise<ArrivalOrder> {
  say("the consumer reads it back");
  const order = new ArrivalOrder(readings);
  const sayRead = sayNowAndThen(say, readings);
  const state = join(dir, "consumer");
  await makeFolder(state);
  const from = ["--from", "beginning", "--until", "now"];
  const consumer = veilmqDaemon({
    name: "the consumer",
    args: ["consume", TOPIC, "--credential", credential, "--state", state, ...from],
    logFile: join(dir, "consumer.log"),
    pipeStdout: true,
  });
  await consumer.spawn();
  try {
    for await (const line of createInterface({ input: consumer.stdout })) {
      signal.throwIfAborted();
      const count = parseArrival(line).pack.find(({ n }) => n === COUNT_NAME)?.v;
      if (count !== undefined) order.arrived(count);
      sayRead("read back");
    }
  } finally {
    await consumer.stop();
  }
  return order;
}

/** A line every ten seconds: how many of `total` calls there were. */
function sayNowAndThen(say: (line: string) => void, total: number): (what: string) => void {
  let [done, toldMs] = [0, performance.now()];
  return (what) => {
    done++;
    if (done % 1000 !== 0 || performance.now() - toldMs < TELL_MS) return;
    toldMs = performance.now();
    say(`${done} of ${total} ${what}`);
  };
}

/** What the flow tests of a device share: a serial line, agent.yaml, a bridge in memory, an agent here or in a process. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { pino } from "pino";
import { expect, onTestFinished, vi } from "vitest";
import { stringify } from "yaml";
import { Agent, type AgentOptions } from "../../agent/device/agent.ts";
import { loadAgentSettings } from "../../agent/device/config.ts";
import { type AgentStatus, agentStatusSchema } from "../../agent/device/status.ts";
import type { Timings } from "../../agent/device/uplink/timings.ts";
import { replaceFile, replaceSecretFile } from "../../core/runtime/files.ts";
import { askLocal } from "../../core/runtime/local-http.ts";
import { packageFile } from "../../core/runtime/package.ts";
import { encodeCredential } from "../../core/wire/credential.ts";
import { parseJson } from "../../core/wire/fields.ts";
import { senmlPackSchema } from "../../core/wire/senml.ts";
import { openPty, type Pty } from "../../demo/pty/pty.ts";
import { FieldBridge } from "../support/field-bridge.ts";
import { fieldTenant } from "../support/field-tenant.ts";
import { testFolder } from "../support/folder.ts";
import { type KeyChange, keyChange } from "../support/key-change.ts";

export const TOPIC = "canary-topic-7f3a/climate";
export const WAIT = { timeout: 30_000, interval: 20 };
const SHORT: Partial<Timings> = { reconnectMinMs: 10, reconnectMaxMs: 50, parkMs: 300 };

export interface Field {
  readonly bridge: FieldBridge;
  readonly change: KeyChange;
  readonly credential: string;
  readonly ptys: readonly Pty[];
  readonly config: string;
  readonly socket: string;
  readonly stateDir: string;
  /** The counts of the readings that a consumer would have read of the topic, in order. */
  counts(): number[];
}

/** A tenant with one device that has `lines` serial lines on one topic, its bridge, and agent.yaml. */
export async function makeField(options: { lines?: number; signs?: boolean } = {}): Promise<Field> {
  const folder = await testFolder();
  const tenant = fieldTenant();
  const { signs = false } = options;
  const enrolled = tenant.enrol("probe-1", { topics: [TOPIC], urls: [], signs });
  const change = await keyChange(tenant, enrolled);
  const { device } = change;
  const bridge = new FieldBridge({ tenant, device });
  await bridge.start(0);
  onTestFinished(() => bridge.stop());
  const ptys = await Promise.all(
    Array.from({ length: options.lines ?? 1 }, (_, i) =>
      openPty({ link: join(folder, `tty${i}`) }),
    ),
  );
  for (const pty of ptys) onTestFinished(() => pty.close());
  const stateDir = join(folder, "state");
  const config = join(folder, "agent.yaml");
  const credential = join(folder, "credential");
  await replaceSecretFile(credential, encodeCredential(device.credential));
  await replaceFile(
    config,
    stringify({
      credential,
      stateDir: "state",
      ports: ptys.map(({ path }) => ({ path, profile: "json-lines", topic: TOPIC })),
      bridge: { urls: [`mqtt://127.0.0.1:${bridge.port}`] },
      outbox: { syncIntervalMs: 5 },
    }),
  );
  return {
    ...{ bridge, change, credential, ptys, config, stateDir, socket: join(stateDir, "agent.sock") },
    counts: () => bridge.read(TOPIC).map(countOf),
  };
}

export async function startAgent(
  field: Field,
  options: Pick<AgentOptions, "clock"> = {},
): Promise<{ agent: Agent; log: string[] }> {
  const log: string[] = [];
  const agent = new Agent({
    settings: await loadAgentSettings(field.config),
    log: pino({ level: "trace" }, { write: (line: string) => void log.push(line) }),
    timings: SHORT,
    ...options,
  });
  await agent.start();
  onTestFinished(async () => void (await agent.stop()));
  await vi.waitFor(() => {
    for (const { state } of agent.status().ports) expect(state).toBe("open");
  }, WAIT);
  return { agent, log };
}

/** A process of its own, to be killed; resolves when its ports are open. */
export async function spawnAgent(field: Field): Promise<ChildProcess> {
  const binary = packageFile("dist", "cli", "main.js");
  const child = spawn(process.execPath, [binary, "agent", "run", "--config", field.config], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  await vi.waitFor(async () => {
    for (const { state } of (await ask(field)).ports) expect(state).toBe("open");
  }, WAIT);
  return child;
}

export async function ask({ socket }: Field): Promise<AgentStatus> {
  return parseJson(await askLocal(socket, "/status"), agentStatusSchema);
}

export function line(count: number): string {
  return `${JSON.stringify({ count, canary: "canary-reading-51c0" })}\n`;
}

export function countOf(plaintext: string): number {
  const pack = parseJson(plaintext, senmlPackSchema);
  return pack.find(({ n }) => n === "count")?.v ?? Number.NaN;
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

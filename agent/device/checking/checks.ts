/** The checks of `veilmq agent check`, each by itself: none stops another, and none changes anything. */
import { constants } from "node:fs";
import { access, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { isVeilError, VeilError } from "../../../core/errors.ts";
import { connectMqtt } from "../../../core/ports/mqtt/client.ts";
import { openSerial } from "../../../core/ports/serial/serial.ts";
import { type Credential, newestEpoch } from "../../../core/wire/credential.ts";
import { formatLogin } from "../../../core/wire/login.ts";
import type { AgentFileView, AgentSettings, PortSettings } from "../config.ts";
import type { AgentStatus } from "../status.ts";
import { isClockSet } from "../time/clock-set.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const MIB = 2 ** 20;

/** The agent that runs with this configuration, if one does: it holds the ports, and the bridge knows it. */
export type Running = AgentStatus | null;

/** All of them, at once; in the order of the list. */
export async function checkAgent(
  path: string,
  view: AgentFileView,
  running: Running,
): Promise<Finding[]> {
  const { settings, credential, profiles } = view;
  const named = [
    settings instanceof VeilError
      ? fail("configuration", settings)
      : ok("configuration", `${path}: ${settings.ports.length} port(s)`),
    ...[...profiles].map(([name, profile]) =>
      profile instanceof VeilError
        ? fail("profile", profile)
        : ok("profile", `${name}: ${profile.description}`),
    ),
    credential instanceof VeilError ? fail("credential", credential) : checkCredential(credential),
  ];
  if (settings instanceof VeilError) return [...named, await checkClock()];
  const outside = await Promise.all([
    ...settings.ports.map((port) => checkPort(port, running)),
    settings.clock === "trusted" ? ok("clock", "trusted, by agent.yaml") : checkClock(),
    checkDisk(settings),
    ...settings.urls.map((url) => checkBridge(url, settings, running)),
  ]);
  return [...named, ...outside];
}

function checkCredential(credential: Credential): Finding {
  const { client, tenant, topics, serial } = credential;
  const { epoch } = newestEpoch(credential);
  const publishing = topics.filter(({ ops }) => ops.includes("pub")).length;
  const text = `${client} of ${tenant}, epoch ${epoch}, serial ${serial}, ${publishing} topic(s) to publish`;
  return publishing > 0 ? ok("credential", text) : warn("credential", text);
}

async function checkPort(
  { path, profileName, serial }: PortSettings,
  running: Running,
): Promise<Finding> {
  const what = "port";
  const held = running?.ports.find((port) => port.path === path);
  if (held?.state === "open")
    return held.silent
      ? warn(what, `${path}: open in the running agent, and silent`)
      : ok(what, `${path}: open in the running agent, ${held.frames} frame(s) so far`);
  try {
    const connection = await openSerial({ path, ...serial });
    await connection.close();
    return ok(what, `${path}: ${profileName}, ${serial.baudRate} baud`);
  } catch (error) {
    return problemOf(what, error);
  }
}

async function checkClock(): Promise<Finding> {
  const now = new Date().toISOString();
  if (await isClockSet()) return ok("clock", `set: ${now}`);
  return warn(
    "clock",
    `not set (${now}): readings are kept with the time since the boot until it is`,
  );
}

/** The state folder, or, where it is still to be made, the one that it will be in. */
async function checkDisk({ stateDir, outbox }: AgentSettings): Promise<Finding> {
  const what = "disk";
  try {
    const folder = await firstThatIs(stateDir);
    await access(folder, constants.W_OK);
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    const text = `${stateDir}: ${mib(free)} free, the outbox may take ${mib(outbox.maxBytes)}`;
    return free < outbox.maxBytes ? warn(what, text) : ok(what, text);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    return fail(what, { message: `cannot write to ${stateDir} (${code})`, hint: "whose is it?" });
  }
}

async function firstThatIs(folder: string): Promise<string> {
  const isThere = await access(folder).then(
    () => true,
    () => false,
  );
  return isThere || dirname(folder) === folder ? folder : firstThatIs(dirname(folder));
}

function mib(bytes: number): string {
  return `${Math.floor(bytes / MIB)} MiB`;
}

/** Logs in, unless an agent runs: the bridge would drop it for a second session of the same client. */
async function checkBridge(
  url: string,
  settings: AgentSettings,
  running: Running,
): Promise<Finding> {
  const what = "bridge";
  if (running) {
    const { state, lastError } = running.uplink;
    const text = `${url}: the running agent is ${state}`;
    return state === "connected"
      ? ok(what, text)
      : warn(what, `${text}${lastError ? `: ${lastError.message}` : ""}`);
  }
  const { credential, keepaliveS, certificate } = settings;
  try {
    const connection = await connectMqtt({
      ...{ url, keepaliveS, certificate },
      login: formatLogin(credential),
      secret: credential.secret,
      ...(credential.ca === undefined ? {} : { ca: credential.ca }),
      signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS),
      // Mail is left for the agent: what is not taken stays with the bridge.
      onMessage: () => false,
    });
    await connection.close();
    return ok(what, `${url}: logged in as ${credential.client}`);
  } catch (error) {
    if (isVeilError(error, "STOPPED"))
      return fail(what, { message: `${url}: no answer in ${CONNECT_TIMEOUT_MS / 1000} s` });
    const finding = problemOf(what, error);
    return { ...finding, text: `${url}: ${finding.text}` };
  }
}

function problemOf(what: string, error: unknown): Finding {
  if (isVeilError(error)) return fail(what, error);
  throw error;
}

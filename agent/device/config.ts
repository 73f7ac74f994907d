/**
 * agent.yaml: which serial port feeds which topic. Everything is checked before anything starts: the file,
 * the credential it names, what that grants, and the profiles. All problems are reported at once.
 */
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { VeilError } from "../../core/errors.ts";
import type { SerialSettings } from "../../core/ports/serial/settings.ts";
import { loadOwnCertificate, type OwnCertificate } from "../../core/ports/tls/own.ts";
import { parseConfig } from "../../core/runtime/config.ts";
import type { LogLevel } from "../../core/runtime/log.ts";
import { cannotRead } from "../../core/runtime/why-not.ts";
import type { Credential } from "../../core/wire/credential.ts";
import type { CredentialStore } from "../credential-store.ts";
import { credentialFileOf, loadNamed, type Named, namesSchema, orProblem } from "./config-named.ts";
import { type AgentFile, agentSchema, places } from "./config-schema.ts";
import type { Profile } from "./profile/profile.ts";

/** One serial port with everything it needs. */
export interface PortSettings {
  readonly path: string;
  /** As the file names it. */
  readonly profileName: string;
  readonly profile: Profile;
  readonly serial: SerialSettings;
  readonly topic: string;
  /** Without a valid frame for this long the device is silent: an alert. Undefined: it may be. */
  readonly silentAfterMs: number | undefined;
}

/** A checked configuration. */
export interface AgentSettings {
  readonly credential: Credential;
  /** Where it came from, and where a newer one goes. */
  readonly credentialStore: CredentialStore;
  readonly stateDir: string;
  readonly ports: readonly PortSettings[];
  /** The bridges, in the order in which they are tried. */
  readonly urls: readonly string[];
  /** Seconds between signs of life on a quiet connection. */
  readonly keepaliveS: number;
  /** Shown to a bridge that asks for one. */
  readonly certificate: OwnCertificate | undefined;
  /** How much of a backlog goes out in a second. */
  readonly replayPerSecond: number;
  readonly outbox: Omit<AgentFile["outbox"], "maxAgeDays"> & { readonly maxAgeMs: number };
  readonly aead: AgentFile["aead"];
  readonly padding: boolean;
  /** Whether to believe the system when it says that the clock is not set. */
  readonly clock: AgentFile["clock"];
  readonly logLevel: LogLevel;
  /** The Unix socket of `veilmq agent status`. */
  readonly socketPath: string;
  /** Where the agent tells its owner how it is, if it shall. */
  readonly selfReport?: { readonly topic: string; readonly intervalMs: number };
}

const DAY_MS = 86_400_000;

/** Reads agent.yaml and what it names. Throws CONFIG with a line for each problem. */
export async function loadAgentSettings(path: string): Promise<AgentSettings> {
  const text = await readText(path);
  const folder = dirname(resolve(path));
  const named = await loadNamed(parseConfig(text, namesSchema, path), path);
  const file = parseConfig(text, agentSchema(named), path);
  const { credential, credentialStore } = named;
  const { tls } = file.bridge;
  if (credential instanceof VeilError) throw credential;
  if (credentialStore instanceof VeilError) throw credentialStore;
  return {
    credential,
    credentialStore,
    ...placesOf(file, folder),
    ports: file.ports.map((port) => portOf(port, named)),
    urls: file.bridge.urls ?? credential.bridge.mqtt,
    keepaliveS: file.bridge.keepaliveS,
    certificate: tls && (await loadOwnCertificate(tls, folder)),
    replayPerSecond: file.bridge.replayPerSecond,
    outbox: outboxOf(file.outbox),
    ...selfReportOf(file.status),
    aead: file.aead,
    padding: file.padding,
    clock: file.clock,
    logLevel: file.log.level,
  };
}

/** What an agent.yaml leads to, as far as each part can be told by itself: for `veilmq agent check`. */
export interface AgentFileView {
  /** Or what is wrong with the file. */
  readonly settings: AgentSettings | VeilError;
  readonly credential: Credential | VeilError;
  /** By the names in the file. */
  readonly profiles: ReadonlyMap<string, Profile | VeilError>;
}

/** Throws CONFIG where the file cannot be read, or is no YAML. */
export async function inspectAgentFile(path: string): Promise<AgentFileView> {
  const names = parseConfig(await readText(path), namesSchema, path);
  const { credential, profiles } = await loadNamed(names, path);
  return { settings: await orProblem(loadAgentSettings(path)), credential, profiles };
}

/** Where the agent of this configuration answers `veilmq agent status`. Looks at nothing else. */
export async function socketPathOf(path: string): Promise<string> {
  const file = parseConfig(await readText(path), z.looseObject(places), path);
  return placesOf(file, dirname(resolve(path))).socketPath;
}

/** Where the credential of this configuration is, or will be. */
export async function credentialPathOf(path: string): Promise<string> {
  const { credential } = parseConfig(await readText(path), namesSchema, path);
  return credentialFileOf(credential, path);
}

async function readText(path: string): Promise<string> {
  return readFile(path, "utf8").catch((cause: unknown) => {
    throw cannotRead(path, cause, {
      code: "CONFIG",
      hint: "`veilmq agent run --help` shows an example",
    });
  });
}

function placesOf(
  { stateDir, status }: { stateDir: string; status?: { socket?: string | undefined } | undefined },
  folder: string,
): { stateDir: string; socketPath: string } {
  const state = resolve(folder, stateDir);
  return {
    stateDir: state,
    socketPath: resolve(folder, status?.socket ?? join(state, "agent.sock")),
  };
}

function portOf(file: AgentFile["ports"][number], { profiles }: Named): PortSettings {
  const { path, profile: profileName, topic, silentAfterMs, ...line } = file;
  const profile = profiles.get(profileName);
  if (!profile || profile instanceof VeilError)
    throw new VeilError("CONFIG", `the profile ${profileName} was not loaded`);
  const serial = {
    baudRate: line.baudRate ?? profile.serial.baudRate,
    dataBits: line.dataBits ?? profile.serial.dataBits,
    stopBits: line.stopBits ?? profile.serial.stopBits,
    parity: line.parity ?? profile.serial.parity,
    flowControl: line.flowControl ?? profile.serial.flowControl,
  };
  return {
    ...{ path, profileName, profile, serial, topic },
    silentAfterMs: silentAfterMs ?? profile.silentAfterMs,
  };
}

function outboxOf({ maxAgeDays, ...rest }: AgentFile["outbox"]): AgentSettings["outbox"] {
  return { ...rest, maxAgeMs: maxAgeDays * DAY_MS };
}

function selfReportOf(status: AgentFile["status"]): Pick<AgentSettings, "selfReport"> {
  if (status?.topic === undefined) return {};
  return { selfReport: { topic: status.topic, intervalMs: status.intervalS * 1000 } };
}

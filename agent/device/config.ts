/**
 * agent.yaml: which serial port feeds which topic. Everything is checked before anything starts: the file,
 * the credential it names, what that grants, and the profiles. All problems are reported at once.
 */
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { VeilError } from "../../core/errors.ts";
import { isLoopback } from "../../core/ports/http/loopback.ts";
import { type SerialSettings, serialSettings } from "../../core/ports/serial/settings.ts";
import {
  loadOwnCertificate,
  type OwnCertificate,
  ownCertificateSchema,
} from "../../core/ports/tls/own.ts";
import { parseConfig } from "../../core/runtime/config.ts";
import { LOG_LEVELS, type LogLevel } from "../../core/runtime/log.ts";
import type { Credential } from "../../core/wire/credential.ts";
import { topicField } from "../../core/wire/fields.ts";
import type { CredentialStore } from "../credential-store.ts";
import { loadNamed, type Named, namesSchema, orProblem } from "./config-named.ts";
import type { Profile } from "./profile/profile.ts";
import { DEFAULT_TIMINGS } from "./uplink/timings.ts";

const MAX_PORTS = 64;
const MIB = 2 ** 20;
const NO_CA = "the credential holds no authority (CA) to know an mqtts:// bridge by";
const PLAINTEXT =
  "mqtt:// off this machine shows who sends, how much and when: use mqtts://, or say allowPlaintext: true";

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
  readonly outbox: Omit<z.output<typeof outboxField>, "maxAgeDays"> & { readonly maxAgeMs: number };
  readonly aead: z.output<typeof aeadField>;
  readonly padding: boolean;
  /** Whether to believe the system when it says that the clock is not set. */
  readonly clock: "system" | "trusted";
  readonly logLevel: LogLevel;
  /** The Unix socket of `veilmq agent status`. */
  readonly socketPath: string;
  /** Where the agent tells its owner how it is, if it shall. */
  readonly selfReport?: { readonly topic: string; readonly intervalMs: number };
}

const DAY_MS = 86_400_000;

const outboxField = z.strictObject({
  /** The bound on disk. A month at one reading a second is about 1 GiB. */
  maxBytes: z
    .int()
    .min(4 * MIB)
    .default(1024 * MIB),
  /** The bound on age, in days. */
  maxAgeDays: z.number().min(0.01).max(3650).default(60),
  /** At a bound: drop the oldest records, or the newest. */
  policy: z.enum(["oldest", "newest"]).default("oldest"),
  /** At most one fsync in this time, … */
  syncIntervalMs: z.int().min(0).max(60_000).default(200),
  /** … earlier once this many bytes wait. */
  syncBytes: z.int().min(1).max(MIB).default(65_536),
});

const aeadField = z.enum(["auto", "aes-256-gcm", "chacha20-poly1305"]).default("auto");

/** Reads agent.yaml and what it names. Throws CONFIG with a line for each problem. */
export async function loadAgentSettings(path: string): Promise<AgentSettings> {
  const text = await readText(path);
  const folder = dirname(resolve(path));
  const named = await loadNamed(parseConfig(text, namesSchema, path), folder);
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
  const { credential, profiles } = await loadNamed(names, dirname(resolve(path)));
  return { settings: await orProblem(loadAgentSettings(path)), credential, profiles };
}

/** The shape of agent.yaml as JSON Schema, for its reference page. */
export function agentJsonSchema(): Record<string, unknown> {
  const nothing = new VeilError("CONFIG", "no file");
  const schema = agentSchema({
    credential: nothing,
    credentialStore: nothing,
    profiles: new Map(),
    allowsPlaintext: false,
    namesBridges: false,
  });
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
}

/** Where the agent of this configuration answers `veilmq agent status`. Looks at nothing else. */
export async function socketPathOf(path: string): Promise<string> {
  const file = parseConfig(await readText(path), z.looseObject(places), path);
  return placesOf(file, dirname(resolve(path))).socketPath;
}

/** Where the credential of this configuration is, or will be; undefined where the file names none. */
export async function credentialPathOf(path: string): Promise<string | undefined> {
  const { credential } = parseConfig(await readText(path), namesSchema, path);
  return typeof credential === "string" ? resolve(dirname(resolve(path)), credential) : undefined;
}

async function readText(path: string): Promise<string> {
  return readFile(path, "utf8").catch((cause: unknown) => {
    throw new VeilError("CONFIG", `cannot read ${path}`, {
      hint: "`veilmq agent run --help` shows an example",
      cause,
    });
  });
}

const places = {
  stateDir: z
    .string()
    .prefault(() => process.env["STATE_DIRECTORY"] ?? "")
    .refine((path) => path !== "", "is missing: the folder for the outbox"),
  status: z.looseObject({ socket: z.string().min(1).optional() }).optional(),
};

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

/**
 * Made for one file, since what a field may be depends on the credential, and a port may occur once. Checked at
 * the fields, not across them: zod leaves checks of the whole out as soon as one field is wrong.
 */
function agentSchema(named: Named) {
  return z.strictObject({
    credential: credentialField(named),
    ...places,
    ports: z.array(portField(named)).max(MAX_PORTS),
    bridge: z
      .strictObject({
        urls: z.array(urlField(named)).min(1).max(16).optional(),
        /** A connection that died unseen is noticed after 1.5 times this, in seconds. */
        keepaliveS: z.int().min(5).max(300).default(30),
        /** For a bridge that asks for certificates: ours, made out to `<client>@<tenant>`. */
        tls: ownCertificateSchema.optional(),
        replayPerSecond: z.int().min(1).max(1_000_000).default(DEFAULT_TIMINGS.replayPerSecond),
      })
      .prefault({}),
    /** Whether `mqtt://` may leave this machine. */
    allowPlaintext: z.boolean().default(false),
    status: statusField(named).optional(),
    outbox: outboxField.prefault({}),
    aead: aeadField,
    /** Whether readings are padded, so that their size tells little. */
    padding: z.boolean().default(true),
    /** `trusted`: the clock is right, whatever the system says. */
    clock: z.enum(["system", "trusted"]).default("system"),
    log: z.strictObject({ level: z.enum(LOG_LEVELS).default("info") }).prefault({}),
  });
}

function credentialField({ credential, allowsPlaintext, namesBridges }: Named) {
  return z
    .string()
    .prefault("")
    .superRefine((_path, context) => {
      addProblem(credential, context);
      if (credential instanceof VeilError || namesBridges) return;
      const { mqtt } = credential.bridge;
      if (mqtt.length === 0) context.addIssue({ code: "custom", message: "names no bridge" });
      if (mqtt.some((url) => leaks(url, allowsPlaintext)))
        context.addIssue({ code: "custom", message: PLAINTEXT });
      if (mqtt.some((url) => lacksCa(url, credential)))
        context.addIssue({ code: "custom", message: NO_CA });
    });
}

function portField({ credential, profiles }: Named) {
  const seen = new Set<string>();
  return z.strictObject({
    path: z
      .string()
      .min(1)
      .refine((path) => !seen.has(path) && seen.add(path), "is the port of another entry"),
    profile: z.string().superRefine((name, context) => addProblem(profiles.get(name), context)),
    topic: grantedTopic(credential),
    ...lineOverrides,
    silentAfterMs: z.int().min(1).max(86_400_000).optional(),
  });
}

function urlField({ allowsPlaintext, credential }: Named) {
  return z
    .string()
    .refine(
      (text) => URL.canParse(text) && /^mqtts?:\/\/[^/]+$/.test(text),
      "must be mqtts://host:port or mqtt://host:port",
    )
    .refine((text) => !leaks(text, allowsPlaintext), PLAINTEXT)
    .refine((text) => credential instanceof VeilError || !lacksCa(text, credential), NO_CA);
}

/** How the line is set, where it differs from the profile. */
const lineOverrides = {
  baudRate: serialSettings.shape.baudRate.optional(),
  dataBits: serialSettings.shape.dataBits.unwrap().optional(),
  stopBits: serialSettings.shape.stopBits.unwrap().optional(),
  parity: serialSettings.shape.parity.unwrap().optional(),
  flowControl: serialSettings.shape.flowControl.unwrap().optional(),
};

type PortFile = z.output<ReturnType<typeof agentSchema>>["ports"][number];

function portOf(file: PortFile, { profiles }: Named): PortSettings {
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

/** How `veilmq agent status` asks, and what the agent tells its owner unasked. */
function statusField({ credential }: Named) {
  return z.strictObject({
    socket: places.status.unwrap().shape.socket,
    topic: grantedTopic(credential).optional(),
    intervalS: z.int().min(1).max(86_400).default(60),
  });
}

function grantedTopic(credential: Credential | VeilError) {
  return topicField.refine(
    (topic) => credential instanceof VeilError || mayPublish(credential, topic),
    "is not granted for publishing by the credential",
  );
}

function outboxOf({ maxAgeDays, ...rest }: z.output<typeof outboxField>): AgentSettings["outbox"] {
  return { ...rest, maxAgeMs: maxAgeDays * DAY_MS };
}

function selfReportOf(
  status: z.output<ReturnType<typeof statusField>> | undefined,
): Pick<AgentSettings, "selfReport"> {
  if (status?.topic === undefined) return {};
  return { selfReport: { topic: status.topic, intervalMs: status.intervalS * 1000 } };
}

function mayPublish(credential: Credential, topic: string): boolean {
  return credential.topics.some(({ name, ops }) => name === topic && ops.includes("pub"));
}

/** Whether a bridge would be spoken to in plaintext beyond this machine, unasked. */
function leaks(url: string, allowsPlaintext: boolean): boolean {
  if (allowsPlaintext || !url.startsWith("mqtt:") || !URL.canParse(url)) return false;
  return !isLoopback(new URL(url).hostname);
}

/** Clients trust only the authority in their credential (PROTOCOL.md §1), not those of this machine. */
function lacksCa(url: string, { ca }: Credential): boolean {
  return url.startsWith("mqtts:") && ca === undefined;
}

/** The problem of something the file names, at the field that names it. */
function addProblem(loaded: unknown, context: z.core.$RefinementCtx): void {
  if (!(loaded instanceof VeilError)) return;
  const hint = loaded.hint === undefined ? "" : ` (${loaded.hint})`;
  context.addIssue({ code: "custom", message: `${loaded.message}${hint}` });
}

/** The shape of agent.yaml, and what its fields may be: config.ts reads one. */
import { z } from "zod";
import { VeilError } from "../../core/errors.ts";
import { isLoopback } from "../../core/ports/http/loopback.ts";
import { serialSettings } from "../../core/ports/serial/settings.ts";
import { ownCertificateSchema } from "../../core/ports/tls/own.ts";
import { LOG_LEVELS } from "../../core/runtime/log.ts";
import type { Credential } from "../../core/wire/credential.ts";
import { topicField } from "../../core/wire/fields.ts";
import type { Named } from "./config-named.ts";
import { DEFAULT_TIMINGS } from "./uplink/timings.ts";

const MAX_PORTS = 64;
const MIB = 2 ** 20;
const NO_CA = "the credential holds no authority (CA) to know an mqtts:// bridge by";
const PLAINTEXT =
  "mqtt:// off this machine shows who sends, how much and when: use mqtts://, or say allowPlaintext: true";

/** Where the agent keeps and answers what: of all fields these depend on nothing else. */
export const places = {
  stateDir: z
    .string()
    .prefault(() => process.env["STATE_DIRECTORY"] ?? "")
    .refine((path) => path !== "", "is missing: the folder for the outbox"),
  status: z.looseObject({ socket: z.string().min(1).optional() }).optional(),
};

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

/**
 * Made for one file, since what a field may be depends on the credential, and a port may occur once. Checked at
 * the fields, not across them: zod leaves checks of the whole out as soon as one field is wrong.
 */
export function agentSchema(named: Named) {
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

export type AgentFile = z.output<ReturnType<typeof agentSchema>>;

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

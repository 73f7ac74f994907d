/** `bridge.yaml`: what an operator says of a bridge. Unknown fields are refused; all problems come at once. */
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { isLoopback } from "../core/ports/http/loopback.ts";
import { parseServer } from "../core/ports/zookeeper/servers.ts";
import { loadConfig } from "../core/runtime/config.ts";
import { LOG_LEVELS } from "../core/runtime/log.ts";
import { bytesField, nameField } from "../core/wire/fields.ts";

const DEFAULT_HOST = "127.0.0.1";
const DEFAULT_MQTT_PORT = 8883;
const DEFAULT_HTTP_PORT = 8443;
const DEFAULT_ADMIN_PORT = 9464;
const DEFAULT_SESSION_TIMEOUT_MS = 10_000;
/** PROTOCOL.md §4: an older directory stops match and release. */
const DEFAULT_DIRECTORY_MAX_AGE_MS = 10 * 60_000;

/** An address to listen on: with a certificate, on loopback, or in plaintext asked for by name. */
function listenerSchema(defaultPort: number) {
  return z
    .strictObject({
      host: z.string().min(1).default(DEFAULT_HOST),
      /** 0 takes a free one; `<stateDir>/listening.json` tells which. */
      port: z.int().min(0).max(65_535).default(defaultPort),
      /** Paths of PEM files. */
      tls: z.strictObject({ cert: z.string().min(1), key: z.string().min(1) }).optional(),
      insecurePlaintext: z.boolean().default(false),
    })
    .superRefine(({ host, tls, insecurePlaintext }, context) => {
      if (tls || insecurePlaintext || host === "::1" || isLoopback(host)) return;
      const message =
        "is not loopback: give the listener tls {cert, key}, or say insecurePlaintext: true";
      context.addIssue({ code: "custom", path: ["host"], message });
    });
}

const serverField = z.string().superRefine((address, context) => {
  try {
    parseServer(address);
  } catch {
    context.addIssue({ code: "custom", message: "must be host:port, for example zk1:2181" });
  }
});

const tenantSchema = z.strictObject({
  name: nameField,
  /** Ed25519, 32 bytes as b64url: as `veilmq kms init` prints it. */
  kmsPublicKey: bytesField(32),
});

const limitsSchema = z.strictObject({
  mqttConnections: z.int().min(1).max(1_000_000).default(20_000),
  /** Kafka topics whose leaders are followed for consumers. */
  followedTopics: z.int().min(1).max(100_000).default(10_000),
  httpInFlightPerClient: z.int().min(1).max(1_000).default(8),
  httpPerSecondPerClient: z.int().min(1).max(10_000).default(20),
  httpBurstPerClient: z.int().min(1).max(10_000).default(100),
});

export const bridgeConfigSchema = z.strictObject({
  mqtt: listenerSchema(DEFAULT_MQTT_PORT).prefault({}),
  http: listenerSchema(DEFAULT_HTTP_PORT).prefault({}),
  admin: listenerSchema(DEFAULT_ADMIN_PORT).prefault({}),
  zookeeper: z.strictObject({
    servers: z.array(serverField).min(1),
    sessionTimeoutMs: z.int().min(1_000).max(60_000).default(DEFAULT_SESSION_TIMEOUT_MS),
  }),
  kafka: z
    .strictObject({
      /** The brokers' listener to use, by its name; without it, their first plaintext one. */
      listener: z.string().min(1).optional(),
    })
    .prefault({}),
  /** Holds nothing that cannot be lost. One bridge, one folder. */
  stateDir: z.string().min(1),
  /** As `veilmq bridge identity` makes it; the replicas of one operator share it. */
  identityFile: z.string().min(1),
  tenants: z
    .array(tenantSchema)
    .min(1)
    .superRefine((tenants, context) => {
      tenants.forEach(({ name }, index) => {
        if (tenants.findIndex((other) => other.name === name) < index)
          context.addIssue({ code: "custom", path: [index, "name"], message: "is there twice" });
      });
    }),
  limits: limitsSchema.prefault({}),
  directoryMaxAgeMs: z.int().min(1_000).default(DEFAULT_DIRECTORY_MAX_AGE_MS),
  logLevel: z.enum(LOG_LEVELS).default("info"),
});
export type BridgeConfig = z.output<typeof bridgeConfigSchema>;
export type ListenerConfig = BridgeConfig["http"];

/** Reads `path`; paths in it are relative to its folder. Throws CONFIG with one line per problem. */
export async function loadBridgeConfig(path: string): Promise<BridgeConfig> {
  const config = await loadConfig(path, bridgeConfigSchema);
  const absolute = (relative: string): string => resolve(dirname(path), relative);
  const listener = ({ tls, ...rest }: ListenerConfig): ListenerConfig => ({
    ...rest,
    ...(tls && { tls: { cert: absolute(tls.cert), key: absolute(tls.key) } }),
  });
  return {
    ...config,
    mqtt: listener(config.mqtt),
    http: listener(config.http),
    admin: listener(config.admin),
    stateDir: absolute(config.stateDir),
    identityFile: absolute(config.identityFile),
  };
}

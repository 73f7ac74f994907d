/** `bridge.yaml`: what an operator says of a bridge. Unknown fields are refused; all problems come at once. */
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { parseServer } from "../core/ports/zookeeper/servers.ts";
import { loadConfig } from "../core/runtime/config.ts";
import { LOG_LEVELS } from "../core/runtime/log.ts";
import { bytesField, nameField } from "../core/wire/fields.ts";
import { kafkaSchema } from "./config/kafka.ts";
import { limitsSchema, tenantOverridesSchema } from "./config/limits.ts";
import { listenerSchema, placeListener } from "./config/listener.ts";

const DEFAULT_MQTT_PORT = 8883;
const DEFAULT_HTTP_PORT = 8443;
const DEFAULT_ADMIN_PORT = 9464;
const DEFAULT_SESSION_TIMEOUT_MS = 10_000;
/** PROTOCOL.md §4: an older directory stops match and release. */
const DEFAULT_DIRECTORY_MAX_AGE_MS = 10 * 60_000;

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
  /** Where they differ from `limits.tenant`. */
  limits: tenantOverridesSchema,
});

export const bridgeConfigSchema = z.strictObject({
  mqtt: listenerSchema(DEFAULT_MQTT_PORT).prefault({}),
  http: listenerSchema(DEFAULT_HTTP_PORT).prefault({}),
  admin: listenerSchema(DEFAULT_ADMIN_PORT).prefault({}),
  zookeeper: z.strictObject({
    servers: z.array(serverField).min(1),
    sessionTimeoutMs: z.int().min(1_000).max(60_000).default(DEFAULT_SESSION_TIMEOUT_MS),
    /** Holds `user:password` for ZooKeeper's scheme digest, mode 0600: nodes are made for that identity alone. */
    authFile: z.string().min(1).optional(),
  }),
  kafka: kafkaSchema.prefault({}),
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
  /** The longest `outbox.maxAgeDays` of the tenants' agents: keys are remembered so much longer than their records. */
  outboxMaxAgeDays: z.number().min(0.01).max(3650).default(60),
  logLevel: z.enum(LOG_LEVELS).default("info"),
});
/** As loaded from a file: paths are absolute. */
export type BridgeConfig = z.output<typeof bridgeConfigSchema>;

/** Reads `path`; paths in it are relative to its folder. Throws CONFIG with one line per problem. */
export async function loadBridgeConfig(path: string): Promise<BridgeConfig> {
  const config = await loadConfig(path, bridgeConfigSchema);
  const absolute = (relative: string): string => resolve(dirname(path), relative);
  const { zookeeper, kafka } = config;
  const { authFile } = zookeeper;
  const { tls, sasl } = kafka;
  return {
    ...config,
    mqtt: placeListener(config.mqtt, absolute),
    http: placeListener(config.http, absolute),
    admin: placeListener(config.admin, absolute),
    zookeeper: { ...zookeeper, ...(authFile !== undefined && { authFile: absolute(authFile) }) },
    kafka: {
      ...kafka,
      ...(tls && { tls: placeFiles(tls, absolute) }),
      ...(sasl && { sasl: { ...sasl, passwordFile: absolute(sasl.passwordFile) } }),
    },
    stateDir: absolute(config.stateDir),
    identityFile: absolute(config.identityFile),
  };
}

/** All values of `files` are paths. */
function placeFiles<F extends Record<string, string | undefined>>(
  files: F,
  absolute: (path: string) => string,
): F {
  const placed: F = { ...files };
  for (const [name, path] of Object.entries(files))
    if (path !== undefined) Object.assign(placed, { [name]: absolute(path) });
  return placed;
}

/**
 * A reload: what of a configuration may change while a bridge runs. Certificates, Kafka's login, limits and tenants are
 * taken over without dropping a session; what would need a new listener or connection waits for a restart, and is named.
 */
import type { Logger } from "../core/runtime/log.ts";
import { type Assembly, tenantKeys } from "./assembly.ts";
import { readSecrets } from "./cluster.ts";
import type { BridgeConfig } from "./config.ts";
import { readIdentities } from "./directory/identity.ts";

/** Throws CONFIG, SECRET_FILE: then nothing has changed. */
export async function reload(
  { before, after }: { readonly before: BridgeConfig; readonly after: BridgeConfig },
  assembly: Assembly,
  log: Logger,
): Promise<void> {
  const secrets = await readSecrets(after);
  const identities = await readIdentities(after.identityFile);
  const { ingress, http, adminServer, limits, directory, registry, rekeys } = assembly;
  if (secrets.mqtt) ingress.setCertificate(secrets.mqtt);
  if (secrets.http) http.setCertificate(secrets.http);
  if (secrets.admin) adminServer.setCertificate(secrets.admin);
  assembly.setKafkaSecurity(secrets.kafka);
  limits.book.set(after);
  ingress.setMaxConnections(after.limits.mqttConnections);
  for (const name of await directory.setTenants(tenantKeys(after))) {
    ingress.closeTenant(name);
    await registry.forget(name);
    await rekeys.forget(name);
  }
  log.level = after.logLevel;
  const { fixedSecrets } = assembly;
  const waiting = [
    ...changesThatWait(before, after),
    ...changedSecrets(fixedSecrets, { identities, zookeeper: secrets.zookeeper }),
  ];
  log.info({ event: "reloaded", tenants: after.tenants.length }, "the configuration is reloaded");
  if (waiting.length > 0) log.warn({ fields: waiting }, "these changes need a restart");
}

/** The fields whose files have other contents than at the start. */
export function changedSecrets(
  before: Assembly["fixedSecrets"],
  after: Assembly["fixedSecrets"],
): string[] {
  return [
    ...(before.identities.join() === after.identities.join() ? [] : ["identityFile"]),
    ...(before.zookeeper === after.zookeeper ? [] : ["zookeeper.authFile"]),
  ];
}

/** The fields that differ and are read only at the start. */
function changesThatWait(before: BridgeConfig, after: BridgeConfig): string[] {
  const fixed = (config: BridgeConfig): Record<string, unknown> => ({
    mqtt: listenerPart(config.mqtt),
    http: listenerPart(config.http),
    admin: listenerPart(config.admin),
    zookeeper: config.zookeeper,
    "kafka.brokers": config.kafka.brokers,
    "kafka.listener": config.kafka.listener,
    "kafka.root": config.kafka.root,
    "kafka.replication": config.kafka.replication,
    stateDir: config.stateDir,
    identityFile: config.identityFile,
    directoryMaxAgeMs: config.directoryMaxAgeMs,
    outboxMaxAgeDays: config.outboxMaxAgeDays,
    "limits.followedTopics": config.limits.followedTopics,
  });
  const now = fixed(after);
  return Object.entries(fixed(before))
    .filter(([field, value]) => JSON.stringify(value) !== JSON.stringify(now[field]))
    .map(([field]) => field);
}

/** All but the contents of the certificate files. */
function listenerPart({ host, port, tls }: BridgeConfig["mqtt"]): unknown {
  return { host, port, tls: tls && { asksForCertificates: tls.clientCa !== undefined } };
}

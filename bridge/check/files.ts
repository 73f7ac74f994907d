/** The files that a configuration names: there, readable by whom they should be, fitting, and not about to expire. */
import { X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { loadKafkaSecurity } from "../../core/ports/kafka/security.ts";
import { readSecretFile } from "../../core/runtime/files.ts";
import type { ListenerConfig } from "../config/listener.ts";
import type { BridgeConfig } from "../config.ts";
import { readIdentities } from "../directory/identity.ts";
import { readListenerTls } from "../tls.ts";
import { type Finding, failure, ok, orFailure, warning } from "./finding.ts";

const OTHERS = 0o077;
const DAY_MS = 24 * 3600 * 1000;
/** A certificate that ends sooner is worth a warning. */
const SOON_DAYS = 21;
const AUTH = /^[^:\s]+:\S+$/;

export async function checkFiles(config: BridgeConfig, nowMs: number): Promise<Finding[]> {
  const { authFile } = config.zookeeper;
  const { tls } = config.kafka;
  const looks = [
    orFailure("identityFile", async () => {
      const identities = await readIdentities(config.identityFile);
      return [ok("identityFile", `${identities.length} identity(ies), for nobody else to read`)];
    }),
    ...(["mqtt", "http", "admin"] as const).map((name) => checkListener(name, config[name], nowMs)),
    orFailure("kafka", async () => {
      await loadKafkaSecurity(config.kafka, ".");
      const files = [tls?.ca, tls?.cert].filter((file) => file !== undefined);
      return (await Promise.all(files.map((file) => checkExpiry("kafka.tls", file, nowMs)))).flat();
    }),
  ];
  if (authFile !== undefined)
    looks.push(
      orFailure("zookeeper.authFile", async () => {
        const text = (await readSecretFile(authFile)).toString("utf8").trim();
        return AUTH.test(text)
          ? []
          : [failure("zookeeper.authFile", "does not hold user:password")];
      }),
    );
  return (await Promise.all(looks)).flat();
}

async function checkListener(
  name: string,
  config: ListenerConfig,
  nowMs: number,
): Promise<readonly Finding[]> {
  const { tls, host, insecurePlaintext } = config;
  const plaintext = "passwords and who sends how much are seen on the network";
  if (!tls && insecurePlaintext) return [warning(name, `plaintext on ${host}: ${plaintext}`)];
  if (!tls) return [];
  return orFailure(name, async () => {
    await readListenerTls(config);
    const files = [tls.cert, ...(tls.clientCa === undefined ? [] : [tls.clientCa])];
    const expiries = await Promise.all(
      files.map((file) => checkExpiry(`${name}.tls`, file, nowMs)),
    );
    return [...expiries.flat(), ...(await checkKeyMode(`${name}.tls.key`, tls.key))];
  });
}

async function checkKeyMode(subject: string, path: string): Promise<Finding[]> {
  const { mode } = await stat(path);
  if ((mode & OTHERS) === 0) return [];
  return [warning(subject, `${path} can be read by others`, `chmod 600 ${path}`)];
}

/** The certificate that ends first, of those in the file. */
async function checkExpiry(subject: string, path: string, nowMs: number): Promise<Finding[]> {
  const pem = await readFile(path, "utf8");
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const ends = blocks.map((block) => Date.parse(new X509Certificate(block).validTo));
  if (ends.length === 0) return [failure(subject, `${path} holds no certificate`)];
  const days = Math.floor((Math.min(...ends) - nowMs) / DAY_MS);
  const hint = "replace it, then send SIGHUP to the bridge: no session is dropped";
  if (days < 0) return [failure(subject, `${path} has expired`, hint)];
  if (days < SOON_DAYS) return [warning(subject, `${path} expires in ${days} days`, hint)];
  return [ok(subject, `${path} is good for ${days} days`)];
}

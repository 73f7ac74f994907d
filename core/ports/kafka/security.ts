/** How a Kafka cluster is spoken to: TLS, SASL, and the files with certificates and passwords. The same for bridges and consumers. */
import { resolve } from "node:path";
import type { ConnectionOptions } from "node:tls";
import { z } from "zod";
import { VeilError } from "../../errors.ts";
import { readGivenFile, readSecretFile } from "../../runtime/files.ts";
import type { KafkaSasl } from "./kafkajs.ts";

/** Kafka's own names for the four ways to speak to it. */
const SECURITY_PROTOCOLS = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] as const;
export type SecurityProtocol = (typeof SECURITY_PROTOCOLS)[number];

const MAX_PASSWORD_BYTES = 4096;
const pathField = z.string().min(1);

const tlsSchema = z
  .strictObject({
    /** PEM of the authority behind the brokers' certificates; those that Node trusts without it. */
    ca: pathField.optional(),
    /** A certificate of our own and its key, where the brokers ask for one (`ssl.client.auth`). */
    cert: pathField.optional(),
    key: pathField.optional(),
  })
  .superRefine(({ cert, key }, context) => {
    if ((cert === undefined) === (key === undefined)) return;
    const message = "a certificate needs its key, and a key its certificate";
    context.addIssue({ code: "custom", path: [cert === undefined ? "cert" : "key"], message });
  });

const saslSchema = z.strictObject({
  mechanism: z.enum(["plain", "scram-sha-256", "scram-sha-512"]),
  username: z.string().min(1),
  /** Mode 0600, or a systemd credential; a line break at its end does not count. */
  passwordFile: pathField,
});

/** The fields of a `kafka` section that say how to log in. Paths are as the file has them. */
export const kafkaSecurityFields = {
  tls: tlsSchema.optional(),
  sasl: saslSchema.optional(),
  /** Lets `plain` send its password without TLS. */
  insecurePlaintext: z.boolean().default(false),
};

const securitySchema = z.strictObject(kafkaSecurityFields);
export type KafkaSecuritySettings = z.output<typeof securitySchema>;

/** Refuses a password in clear that nobody asked for by name. */
export function checkKafkaSecurity(
  { tls, sasl, insecurePlaintext }: KafkaSecuritySettings,
  context: z.core.$RefinementCtx,
): void {
  if (sasl?.mechanism !== "plain" || tls || insecurePlaintext) return;
  const message =
    "plain sends the password as it is: give tls {ca}, use scram-sha-512, or say insecurePlaintext: true";
  context.addIssue({ code: "custom", path: ["sasl", "mechanism"], message });
}

/** A consumer's file, `--kafka-config`: the section alone. */
export const kafkaConfigSchema = securitySchema.superRefine(checkKafkaSecurity);

/** What a connection is opened with. */
export interface KafkaSecurity {
  readonly ssl?: ConnectionOptions;
  readonly sasl?: KafkaSasl;
}

export function securityProtocolOf({
  tls,
  sasl,
}: Pick<KafkaSecuritySettings, "tls" | "sasl">): SecurityProtocol {
  if (sasl) return tls ? "SASL_SSL" : "SASL_PLAINTEXT";
  return tls ? "SSL" : "PLAINTEXT";
}

/** Reads the files that `settings` names, relative to `folder`. Throws SECRET_FILE for a key or password that others may read, CONFIG. */
export async function loadKafkaSecurity(
  { tls, sasl }: Pick<KafkaSecuritySettings, "tls" | "sasl">,
  folder: string,
): Promise<KafkaSecurity> {
  return {
    ...(tls && { ssl: await loadTls(tls, folder) }),
    ...(sasl && { sasl: await loadSasl(sasl, folder) }),
  };
}

async function loadTls(
  { ca, cert, key }: z.output<typeof tlsSchema>,
  folder: string,
): Promise<ConnectionOptions> {
  return {
    minVersion: "TLSv1.2",
    ...(ca !== undefined && { ca: await readGivenFile(resolve(folder, ca), "CONFIG") }),
    ...(cert !== undefined && { cert: await readGivenFile(resolve(folder, cert), "CONFIG") }),
    ...(key !== undefined && { key: await readSecretFile(resolve(folder, key)) }),
  };
}

async function loadSasl(
  { mechanism, username, passwordFile }: z.output<typeof saslSchema>,
  folder: string,
): Promise<KafkaSasl> {
  const bytes = await readSecretFile(resolve(folder, passwordFile), MAX_PASSWORD_BYTES);
  const password = bytes.toString("utf8").replace(/\r?\n$/, "");
  if (password === "") throw new VeilError("SECRET_FILE", "the Kafka password file is empty");
  return { mechanism, username, password };
}

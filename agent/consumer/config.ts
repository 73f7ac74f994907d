/**
 * `veilmq consume --config FILE`: how the operator wants this consumer to log in, beyond what its credential says. The
 * credential is the data owner's, who runs neither bridge nor Kafka; what is in here comes from the operator.
 */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { VeilError } from "../../core/errors.ts";
import {
  type KafkaSecurity,
  kafkaConfigSchema,
  loadKafkaSecurity,
} from "../../core/ports/kafka/security.ts";
import { loadConfig } from "../../core/runtime/config.ts";
import { readSecretFile } from "../../core/runtime/files.ts";

const schema = z.strictObject({
  /** For a bridge that asks for certificates: ours, and its key (mode 0600). */
  bridge: z.strictObject({ cert: z.string().min(1), key: z.string().min(1) }).optional(),
  kafka: kafkaConfigSchema.optional(),
});

/** PEM: what we show to who asks. */
export interface OwnCertificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** How to log in to the two that are not in the credential. */
export interface Access {
  readonly bridge?: OwnCertificate;
  readonly kafka?: KafkaSecurity;
}

/** Paths in the file are relative to its folder. Throws CONFIG with a line per problem, SECRET_FILE. */
export async function loadAccess(path: string): Promise<Access> {
  const { bridge, kafka } = await loadConfig(path, schema);
  const folder = dirname(path);
  return {
    ...(bridge && { bridge: await loadOwn(bridge, folder) }),
    ...(kafka && { kafka: await loadKafkaSecurity(kafka, folder) }),
  };
}

async function loadOwn(
  { cert, key }: { readonly cert: string; readonly key: string },
  folder: string,
): Promise<OwnCertificate> {
  const path = resolve(folder, cert);
  const certificate = await readFile(path).catch((cause: unknown) => {
    throw new VeilError("CONFIG", `cannot read ${path}`, { cause });
  });
  return { cert: certificate, key: await readSecretFile(resolve(folder, key)) };
}

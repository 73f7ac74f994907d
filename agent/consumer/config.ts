/**
 * `veilmq consume --config FILE`: how the operator wants this consumer to log in, beyond what its credential says. The
 * credential is the data owner's, who runs neither bridge nor Kafka; what is in here comes from the operator.
 */
import { dirname } from "node:path";
import { z } from "zod";
import {
  type KafkaSecurity,
  kafkaConfigSchema,
  loadKafkaSecurity,
} from "../../core/ports/kafka/security.ts";
import {
  loadOwnCertificate,
  type OwnCertificate,
  ownCertificateSchema,
} from "../../core/ports/tls/own.ts";
import { loadConfig } from "../../core/runtime/config.ts";

const schema = z.strictObject({
  /** For a bridge that asks for certificates. */
  bridge: ownCertificateSchema.optional(),
  kafka: kafkaConfigSchema.optional(),
});

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
    ...(bridge && { bridge: await loadOwnCertificate(bridge, folder) }),
    ...(kafka && { kafka: await loadKafkaSecurity(kafka, folder) }),
  };
}

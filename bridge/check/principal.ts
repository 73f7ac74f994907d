/** Whom Kafka takes a bridge for, as its ACLs name it: the user of SASL, otherwise the subject of its certificate. */
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { KafkaConfig } from "../config/kafka.ts";

/** `null`: it does not log in. Throws what reading the certificate throws. */
export async function principalOf({
  sasl,
  tls,
}: Pick<KafkaConfig, "sasl" | "tls">): Promise<string | null> {
  if (sasl) return `User:${sasl.username}`;
  if (tls?.cert === undefined) return null;
  const { subject } = new X509Certificate(await readFile(tls.cert));
  return `User:${distinguishedName(subject)}`;
}

/** Node gives a line for each part, escaped, the widest first; RFC 2253, which Java follows, goes the other way round. */
function distinguishedName(subject: string): string {
  return subject.split("\n").reverse().join(",");
}

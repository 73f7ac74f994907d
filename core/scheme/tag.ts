/** PROTOCOL.md §2.1: from the canonical value C to the tag and the Kafka topic's name. */
import { base32, sha256 } from "./bytes.ts";
import { context, type Realm } from "./context.ts";
import type { SuiteId } from "./suite.ts";

export const TAG_BYTES = 32;
const NAME_PREFIX = "veil-";

/** `tag = SHA-256("VEILMQ-V01-tag\0" ‖ suite ‖ ctx(tenant, epoch) ‖ C)`: 32 bytes; C at the suite's fixed length. */
export function tagOf(suite: SuiteId, realm: Realm, canonical: Uint8Array): Buffer {
  return sha256("VEILMQ-V01-tag\0", Uint8Array.of(suite), context(realm), canonical);
}

/** The Kafka topic of a tag: `"veil-" ‖ base32(tag)`, 57 characters. */
export function kafkaTopicOf(tag: Uint8Array): string {
  return NAME_PREFIX + base32(tag);
}

/**
 * PROTOCOL.md §3 and §4: the names and keys under which a bridge stores things in Kafka.
 * Data: the message key is a pseudonym of the producer for one tag. Internal topics: names, entry keys and values
 * tell Kafka nothing.
 */
import { base32, hkdf, hmacSha256, join, lp } from "../scheme/bytes.ts";
import type { RandomBytes } from "../scheme/suite.ts";
import { openWith, sealWith } from "./document.ts";

export const BRIDGE_KEY_BYTES = 32;
const INTERNAL_PREFIX = "veil-i-";
const INTERNAL_NAME_LENGTH = 26;
const PSEUDONYM_BYTES = 8;

/** The kinds of internal topics. */
export const INTERNAL_KIND = { registry: 1, directory: 2, loss: 3 } as const;
export type InternalKind = (typeof INTERNAL_KIND)[keyof typeof INTERNAL_KIND];

/** The pseudonym of a producer under one tag, 8 bytes: the Kafka message key. */
export function messageKey(bridgeKey: Uint8Array, producerId: string, tag: Uint8Array): Buffer {
  const key = hkdf(bridgeKey, { info: "VEILMQ-V01-pid\0", length: 32 });
  return hmacSha256(key, lp(producerId), tag).subarray(0, PSEUDONYM_BYTES);
}

/** `OS2IP(key[0..4]) mod partitions`. */
export function partitionOf(key: Uint8Array, partitions: number): number {
  return Buffer.from(key).readUInt32BE(0) % partitions;
}

/** `"veil-" ‖ base32(HMAC(groupKey, "VEILMQ-V01-group\0"))[0..16]`: a consumer's default Kafka group. */
export function defaultGroup(groupKey: Uint8Array): string {
  return `veil-${base32(hmacSha256(groupKey, "VEILMQ-V01-group\0")).slice(0, 16)}`;
}

/** The keys of a tenant's internal topics, from K_b. */
export class InternalStore {
  readonly #naming: Buffer;
  readonly #sealing: Buffer;

  constructor(bridgeKey: Uint8Array) {
    this.#naming = hkdf(bridgeKey, { info: "VEILMQ-V01-store-k\0", length: 32 });
    this.#sealing = hkdf(bridgeKey, { info: "VEILMQ-V01-store-s\0", length: 32 });
  }

  topicName(kind: InternalKind): string {
    const digest = hmacSha256(this.#naming, "topic", Uint8Array.of(kind));
    return INTERNAL_PREFIX + base32(digest).slice(0, INTERNAL_NAME_LENGTH);
  }

  /** `HMAC(K_k, kind ‖ natural key)`: 32 bytes. */
  entryKey(kind: InternalKind, naturalKey: Uint8Array): Buffer {
    return hmacSha256(this.#naming, Uint8Array.of(kind), naturalKey);
  }

  seal(entryKey: Uint8Array, value: Uint8Array, random: RandomBytes): Buffer {
    return sealWith(this.#sealing, value, entryKey, random);
  }

  /** Throws BAD_DOCUMENT if the value was changed or belongs to another entry. */
  open(entryKey: Uint8Array, sealed: Uint8Array): Buffer {
    return openWith(this.#sealing, sealed, entryKey);
  }
}

/** The natural key of a registry entry: `lp(tenant) ‖ tag ‖ kid ‖ lp(producerId)`. */
export function registryKey(entry: {
  tenant: string;
  tag: Uint8Array;
  kid: Uint8Array;
  producerId: string;
}): Buffer {
  return join(lp(entry.tenant), entry.tag, entry.kid, lp(entry.producerId));
}

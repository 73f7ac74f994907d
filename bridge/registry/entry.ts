/**
 * A registry entry as it lies in Kafka (PROTOCOL.md §4): under the entry key of `lp(tenant) ‖ tag ‖ kid ‖
 * lp(producerId)`, sealed, `tag(32) ‖ lp(certificate) ‖ announcement`. The tag stands in it because the key does
 * not give it back, and a bridge that did not write the entry has to list it under its tag.
 */
import { randomBytes } from "node:crypto";
import { join, lp } from "../../core/scheme/bytes.ts";
import { TAG_BYTES } from "../../core/scheme/tag.ts";
import { decodeAnnouncement, kidOf } from "../../core/wire/announcement.ts";
import { INTERNAL_KIND, type InternalStore, registryKey } from "../../core/wire/store.ts";
import type { RegistryEntry, RegistryKey } from "./types.ts";

export interface OpenedEntry {
  readonly key: RegistryKey;
  readonly entry: RegistryEntry;
}

export function entryKeyOf(store: InternalStore, key: RegistryKey): Buffer {
  return store.entryKey(INTERNAL_KIND.registry, registryKey(key));
}

/** Throws BAD_ARGUMENT for a certificate above 65,535 bytes. */
export function sealEntry(
  store: InternalStore,
  key: RegistryKey,
  { cert, announcement }: RegistryEntry,
): Buffer {
  const plain = join(key.tag, lp(cert), announcement);
  return store.seal(entryKeyOf(store, key), plain, randomBytes);
}

/** `null` where the entry was not sealed for this key by a bridge of this tenant. */
export function openEntry(
  store: InternalStore,
  tenant: string,
  { entryKey, sealed }: { readonly entryKey: Buffer; readonly sealed: Buffer },
): OpenedEntry | null {
  try {
    const plain = store.open(entryKey, sealed);
    const certAt = TAG_BYTES + 2;
    const certEnd = certAt + plain.readUInt16BE(TAG_BYTES);
    const tag = plain.subarray(0, TAG_BYTES);
    const cert = plain.subarray(certAt, certEnd);
    const announcement = plain.subarray(certEnd);
    const decoded = decodeAnnouncement(announcement);
    const { producerId } = decoded;
    const key = { tenant, tag, kid: kidOf(decoded), producerId };
    if (!entryKeyOf(store, key).equals(entryKey)) return null;
    return { key, entry: { producerId, announcement, cert } };
  } catch {
    return null;
  }
}

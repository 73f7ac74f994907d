/**
 * Consumers that could read a tag and no longer may (PROTOCOL.md §4, "Revoke"), as they lie in the tenant's compacted
 * topic of kind 3: under the entry key of `lp(tenant) ‖ tag ‖ lp(consumer)`, sealed, `serial(8) ‖ tag(32) ‖ lp(consumer)`.
 */
import { randomBytes } from "node:crypto";
import { i2osp, join, lp } from "../../core/scheme/bytes.ts";
import { TAG_BYTES } from "../../core/scheme/tag.ts";
import type { Grant } from "../../core/wire/directory.ts";
import { INTERNAL_KIND, type InternalStore } from "../../core/wire/store.ts";
import type { ClientChange } from "../directory/types.ts";
import type { TopicEntry } from "../store/topic-entry.ts";

const SERIAL_BYTES = 8;

export interface Loss {
  readonly tenant: string;
  readonly consumer: string;
  readonly hexTag: string;
  /** Of the document that took the tag away: all bridges that see it speak of one loss. */
  readonly serial: number;
}

/** What a change of a client's documents took away from it. */
export function lossesOf({ login, serial, before, after }: ClientChange): Loss[] {
  if (before?.status !== "active") return [];
  const { tenant, client: consumer } = login;
  const isLost = ([hexTag, grant]: [string, Grant]): boolean =>
    canRead(grant) && !(after?.status === "active" && canRead(after.grants.get(hexTag)));
  return [...before.grants]
    .filter(isLost)
    .map(([hexTag]) => ({ tenant, consumer, hexTag, serial }));
}

function canRead(grant: Grant | undefined): boolean {
  return grant?.ops.includes("sub") === true;
}

export function encodeLoss(store: InternalStore, loss: Loss): TopicEntry {
  const tag = Buffer.from(loss.hexTag, "hex");
  const key = entryKeyOf(store, { ...loss, tag });
  const plain = join(i2osp(loss.serial, SERIAL_BYTES), tag, lp(loss.consumer));
  return { key, value: store.seal(key, plain, randomBytes) };
}

/** `null` where the entry was not sealed for this key by a bridge of this tenant. */
export function decodeLoss(
  store: InternalStore,
  tenant: string,
  { key, value }: { readonly key: Buffer; readonly value: Buffer },
): Loss | null {
  try {
    const plain = store.open(key, value);
    const nameAt = SERIAL_BYTES + TAG_BYTES + 2;
    const serial = Number(plain.readBigUInt64BE());
    const tag = plain.subarray(SERIAL_BYTES, SERIAL_BYTES + TAG_BYTES);
    const name = plain.subarray(nameAt);
    if (plain.readUInt16BE(nameAt - 2) !== name.length) return null;
    const consumer = name.toString("utf8");
    if (!entryKeyOf(store, { tenant, tag, consumer }).equals(key)) return null;
    return { tenant, consumer, hexTag: tag.toString("hex"), serial };
  } catch {
    return null;
  }
}

function entryKeyOf(
  store: InternalStore,
  at: { readonly tenant: string; readonly tag: Buffer; readonly consumer: string },
): Buffer {
  return store.entryKey(INTERNAL_KIND.loss, join(lp(at.tenant), at.tag, lp(at.consumer)));
}

/** `kms show`: what the owner knows, of the tenant or of one client. */
import type { Master } from "../core/scheme/owner.ts";
import type { Operation } from "../core/wire/directory.ts";
import { checkName } from "../core/wire/fields.ts";
import { defaultGroup } from "../core/wire/store.ts";
import { readBridgeSettings } from "./bridge-settings.ts";
import { knownClient, type TopicGrant } from "./client-record.ts";
import { type Due, nextDue } from "./epochs.ts";
import { keyKindOfEpoch } from "./public-file.ts";
import type { Issuer, Tenant } from "./tenant.ts";
import { FOREVER_MS } from "./time-text.ts";

export interface ShownTenant {
  readonly tenant: string;
  readonly createdAtMs: number;
  /** b64url, as in public.json. */
  readonly kmsPublicKey: string;
  /** That count, the newest last. */
  readonly epochs: readonly ShownEpoch[];
  /** What `kms rotate --retire` takes away next; `null` where one epoch is all there is. */
  readonly next: Due | null;
  /** The last serial given out. */
  readonly serial: number;
  readonly clients: number;
  readonly kafka: { readonly partitions: number; readonly retentionMs: number };
  /** Who can open K_b: the bridge's age recipients. */
  readonly recipients: readonly string[];
  readonly mqtt: readonly string[];
  readonly http: readonly string[];
}

export interface ShownEpoch {
  readonly epoch: number;
  readonly suite: Master["suite"];
  /** With `rsa`, the size of each modulus. */
  readonly bits?: number;
  /** When its names end, and its records; `null` for the newest. Milliseconds since 1970. */
  readonly tagsUntilMs: number | null;
  readonly recordsUntilMs: number | null;
}

export interface ShownClient {
  readonly client: string;
  readonly status: "active" | "revoked";
  readonly serial: number;
  readonly changedAtMs: number;
  readonly signs: boolean;
  /** Of its halves; `reads`: whether it has one for record keys. */
  readonly epochs: readonly (ShownEpoch & { readonly reads: boolean })[];
  /** The Kafka consumer group that the client joins unless told otherwise. */
  readonly group: string;
  readonly topics: readonly ShownTopic[];
}

export interface ShownTopic {
  readonly name: string;
  readonly ops: readonly Operation[];
  /** Milliseconds since 1970; `null`: no beginning, no end. */
  readonly validFromMs: number | null;
  readonly validUntilMs: number | null;
  readonly state: "in force" | "not yet" | "ended";
}

export async function showTenant(tenant: Tenant): Promise<ShownTenant> {
  const { name, master, state } = tenant;
  const { recipients, kafka, addresses } = await readBridgeSettings(state);
  return {
    tenant: name,
    createdAtMs: master.createdAtMs,
    kmsPublicKey: master.kmsPublicKey.toString("base64url"),
    epochs: shownEpochs(tenant),
    next: nextDue(master.epochs),
    serial: await state.lastSerial(),
    clients: (await state.clients()).length,
    kafka,
    recipients,
    mqtt: addresses.mqtt,
    http: addresses.http,
  };
}

/** Throws NOT_FOUND for a client that is not enrolled. `nowMs` decides what is in force. */
export async function showClient(
  tenant: Tenant,
  name: string,
  nowMs = Date.now(),
): Promise<ShownClient> {
  const record = await knownClient(tenant.state, checkName(name, "a client"));
  const { client, status, serial, changedAtMs, signs, topics, groupKey, proxyHalves } = record;
  return {
    client,
    status,
    serial,
    changedAtMs,
    signs,
    epochs: shownEpochs(tenant).flatMap((shown) => {
      const halves = proxyHalves.find(({ epoch }) => epoch === shown.epoch)?.halves;
      return halves ? [{ ...shown, reads: halves.record !== undefined }] : [];
    }),
    group: defaultGroup(groupKey),
    topics: topics.map((topic) => shownTopic(topic, nowMs)),
  };
}

/** The epochs that count, the newest last. */
export function shownEpochs({ master }: Issuer): ShownEpoch[] {
  return master.epochs.map(({ epoch, tagsUntilMs = null, recordsUntilMs = null }) => ({
    epoch,
    ...keyKindOfEpoch(master, epoch),
    tagsUntilMs,
    recordsUntilMs,
  }));
}

function shownTopic({ name, ops, nbf, exp }: TopicGrant, nowMs: number): ShownTopic {
  return {
    name,
    ops,
    validFromMs: nbf === 0 ? null : nbf,
    validUntilMs: exp === FOREVER_MS ? null : exp,
    state: nowMs < nbf ? "not yet" : nowMs < exp ? "in force" : "ended",
  };
}

/** The registry of one tenant: its topic in Kafka, followed into the local index. */
import { setImmediate as breathe } from "node:timers/promises";
import { isVeilError, VeilError } from "../../core/errors.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { hkdf, hmacSha256 } from "../../core/scheme/bytes.ts";
import { kafkaTopicOf } from "../../core/scheme/tag.ts";
import { INTERNAL_KIND } from "../../core/wire/store.ts";
import type { Tenant } from "../directory/types.ts";
import { CompactedTopic, type KafkaAccess } from "../store/compacted-topic.ts";
import type { StoredEntry } from "../store/topic-entry.ts";
import { entryKeyOf, openEntry, sealEntry } from "./entry.ts";
import { type IndexEntry, type IndexPlace, type IndexRealm, LOOKUP_BYTES } from "./local-index.ts";
import { Sweeper } from "./sweeper.ts";
import type { RegistryEntry, RegistryKey } from "./types.ts";

/**
 * Kafka forgets deletions a day after they were made (delete.retention.ms): an index that slept longer would keep
 * what others deleted meanwhile.
 */
const MAX_SLEEP_MS = 12 * 3600 * 1000;
/** Entries listed for one kid under one tag: more than one is two bridges that crossed, or none of our making. */
const MAX_PRODUCERS_PER_KID = 256;
/** Entries taken in between two breaths of the event loop: about 5 ms. */
const OPENED_AT_ONCE = 256;
/** An entry's time of use is written anew when it is so old: a key costs one small write a day, whoever uses it. */
const NOTE_USE_AFTER_MS = 24 * 3600 * 1000;

export interface TenantRegistryOptions {
  readonly tenant: Tenant;
  readonly access: KafkaAccess;
  /** The part of the index for a topic. */
  readonly realm: (topic: string) => IndexRealm;
  /** The tenant's retention now. */
  readonly retentionMs: () => number;
  /** The longest that devices' outboxes keep what nobody took. */
  readonly outboxMaxAgeMs: number;
  /** For tests, which do not wait for days. */
  readonly timing?: { readonly noteUseAfterMs: number; readonly marginMs: number };
  readonly log: Logger;
}

export class TenantRegistry {
  readonly #options: TenantRegistryOptions;
  readonly #topic: CompactedTopic;
  readonly #index: IndexRealm;
  readonly #lookupKey: Buffer;
  readonly #sweeper: Sweeper;
  readonly #noteUseAfterMs: number;
  /** When the newest entry was written, by Kafka's clock. */
  #newestAtMs = 0;

  constructor(options: TenantRegistryOptions) {
    this.#options = options;
    const { tenant, access, realm, log } = options;
    const topic = tenant.store.topicName(INTERNAL_KIND.registry);
    this.#topic = new CompactedTopic({ ...access, topic, log });
    this.#index = realm(topic);
    this.#lookupKey = hkdf(tenant.bridgeKey, { info: "VEILMQ-V01-index\0", length: 32 });
    this.#noteUseAfterMs = options.timing?.noteUseAfterMs ?? NOTE_USE_AFTER_MS;
    this.#sweeper = this.#createSweeper();
  }

  /** Begins to follow the topic where the index ends, or from its beginning. One attempt. */
  async start(): Promise<void> {
    await this.#topic.create();
    this.#topic.follow({
      from: await this.#resume(),
      onEntries: (entries, next) => this.#take(entries, next),
      onAnew: () => this.#index.clear(),
    });
    this.#sweeper.start();
  }

  async stop(): Promise<void> {
    await this.#sweeper.stop();
    await this.#topic.stop();
  }

  /** As `Registry.register`. */
  async register(key: RegistryKey, entry: RegistryEntry): Promise<{ readonly isNew: boolean }> {
    const { store } = this.#options.tenant;
    const entryKey = entryKeyOf(store, key);
    const known = await this.#get(entryKey);
    if (known?.announcement.equals(entry.announcement)) {
      await this.#use({ entryKey, lookup: this.#lookup(key) });
      return { isNew: false };
    }
    // Consumers hold a topic's data keys: with the kid of another they could publish in its name.
    const announced = known ? [] : await this.find(key);
    if (announced.some(({ producerId }) => producerId !== key.producerId))
      throw new VeilError("BAD_RECORD", "another producer has announced this key");
    await this.#write({ entryKey, lookup: this.#lookup(key) }, sealEntry(store, key, entry));
    return { isNew: !known && announced.length === 0 };
  }

  /** As `Registry.has`. */
  async has(key: RegistryKey): Promise<boolean> {
    const entryKey = entryKeyOf(this.#options.tenant.store, key);
    if (!(await this.#get(entryKey))) {
      await this.#topic.readToEnd();
      if (!(await this.#get(entryKey))) return false;
    }
    await this.#use({ entryKey, lookup: this.#lookup(key) });
    return true;
  }

  /** As `Registry.find`. */
  async find(key: Omit<RegistryKey, "producerId">): Promise<RegistryEntry[]> {
    const found = await this.#list(key);
    if (found.length > 0) return found;
    await this.#topic.readToEnd();
    return this.#list(key);
  }

  /** Takes out what nobody can use any more; returns how many entries. It is done a few times a day anyway. */
  async sweep(): Promise<number> {
    return this.#sweeper.sweep();
  }

  #createSweeper(): Sweeper {
    const { retentionMs, outboxMaxAgeMs, timing, log } = this.#options;
    return new Sweeper({
      ...{ realm: this.#index, retentionMs, outboxMaxAgeMs, log },
      newestAtMs: () => this.#newestAtMs,
      topicRetentionMs: (place) => this.#topicRetentionMs(place),
      readToEnd: () => this.#topic.readToEnd(),
      remove: ({ entryKey }) => this.#topic.append({ key: entryKey, value: null }),
      ...(timing && { marginMs: timing.marginMs }),
    });
  }

  /** The entry's own writing again is how all bridges learn that it is in use. */
  async #use(place: IndexPlace): Promise<void> {
    const usedAtMs = (await this.#index.usedAtMs(place)) ?? 0;
    // Whichever clock says that it is time: Kafka's decides what is taken out, and may be ahead of ours.
    if (Math.max(Date.now(), this.#newestAtMs) - usedAtMs < this.#noteUseAfterMs) return;
    const sealed = await this.#index.get(place.entryKey);
    if (sealed) await this.#write(place, sealed);
  }

  async #write(place: IndexPlace, sealed: Buffer): Promise<void> {
    await this.#topic.append({ key: place.entryKey, value: sealed });
    await this.#index.write([{ ...place, sealed, usedAtMs: Date.now() }]);
  }

  /** Of a topic that is not there, 0; of one that keeps everything, Infinity. */
  async #topicRetentionMs({ entryKey }: IndexPlace): Promise<number> {
    const { access, tenant } = this.#options;
    const sealed = await this.#index.get(entryKey);
    const opened = sealed && openEntry(tenant.store, tenant.name, { entryKey, sealed });
    if (!opened) return Number.POSITIVE_INFINITY;
    try {
      const { config } = await access.admin.describeTopic(kafkaTopicOf(opened.key.tag));
      const retentionMs = Number(config["retention.ms"] ?? "-1");
      return retentionMs >= 0 ? retentionMs : Number.POSITIVE_INFINITY;
    } catch (error) {
      if (isVeilError(error, "NOT_FOUND")) return 0;
      throw error;
    }
  }

  async #get(entryKey: Buffer): Promise<RegistryEntry | undefined> {
    const { store, name } = this.#options.tenant;
    const sealed = await this.#index.get(entryKey);
    return sealed && openEntry(store, name, { entryKey, sealed })?.entry;
  }

  async #list(key: Omit<RegistryKey, "producerId">): Promise<RegistryEntry[]> {
    const { store, name } = this.#options.tenant;
    const listed = await this.#index.list(this.#lookup(key), MAX_PRODUCERS_PER_KID);
    return listed.flatMap((sealed) => {
      const opened = openEntry(store, name, sealed);
      const matches = opened?.key.tag.equals(key.tag) && opened.key.kid.equals(key.kid);
      return opened && matches ? [opened.entry] : [];
    });
  }

  #lookup({ tag, kid }: Pick<RegistryKey, "tag" | "kid">): Buffer {
    return hmacSha256(this.#lookupKey, tag, kid).subarray(0, LOOKUP_BYTES);
  }

  /** Where to read on. An index that does not fit the topic, or slept too long, is emptied. */
  async #resume(): Promise<bigint> {
    const { low, high } = await this.#topic.range();
    const saved = await this.#index.position();
    const ageMs = Date.now() - (saved?.savedAtMs ?? 0);
    if (saved && low <= saved.next && saved.next <= high && ageMs >= 0 && ageMs < MAX_SLEEP_MS)
      return saved.next;
    if (saved) this.#options.log.warn("the registry's index is not usable; building it anew");
    await this.#index.clear();
    return low;
  }

  async #take(entries: readonly StoredEntry[], next: bigint): Promise<void> {
    const changes: IndexEntry[] = [];
    for (const [n, { key, value, atMs }] of entries.entries()) {
      this.#newestAtMs = Math.max(this.#newestAtMs, atMs);
      const change = value ? this.#admit(key, value, atMs) : await this.#removal(key);
      if (change) changes.push(change);
      if (n % OPENED_AT_ONCE === OPENED_AT_ONCE - 1) await breathe();
    }
    await this.#index.write(changes, next);
  }

  #admit(entryKey: Buffer, sealed: Buffer, atMs: number): IndexEntry | undefined {
    const { store, name } = this.#options.tenant;
    const opened = openEntry(store, name, { entryKey, sealed });
    const usedAtMs = Math.max(0, atMs);
    if (opened) return { entryKey, lookup: this.#lookup(opened.key), sealed, usedAtMs };
    this.#options.log.warn("an entry of the registry does not open");
    return undefined;
  }

  /** A deletion does not say under what the entry is listed: the entry does. */
  async #removal(entryKey: Buffer): Promise<IndexEntry | undefined> {
    const { store, name } = this.#options.tenant;
    const present = await this.#index.get(entryKey);
    const opened = present && openEntry(store, name, { entryKey, sealed: present });
    return opened ? { entryKey, lookup: this.#lookup(opened.key), sealed: null } : undefined;
  }
}

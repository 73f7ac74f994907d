/** One tenant's part of the directory: its head, its floors, its clients, and the watches that feed them. */
import type { KeyObject } from "node:crypto";
import { isVeilError, VeilError } from "../../core/errors.ts";
import type { ZNode } from "../../core/ports/zookeeper/connection.ts";
import { WatchGroup } from "../../core/ports/zookeeper/watch-group.ts";
import type { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";
import { Backoff } from "../../core/runtime/backoff.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { headPath } from "../../core/wire/directory.ts";
import { Clients } from "./clients.ts";
import {
  type ClientPlace,
  type OpenedDocument,
  type OpenedMail,
  openClientDocument,
} from "./documents.ts";
import type { Floors } from "./floors.ts";
import { type OpenedHead, openHead } from "./head.ts";
import { TenantWatch } from "./tenant-watch.ts";
import type { Client, ClientChange, Tenant } from "./types.ts";
import { digestOf } from "./version.ts";

const RETRY = { minMs: 250, maxMs: 15_000 } as const;

/** A tenant's floors, read to the present end of their topic, and what ends following it. */
export interface OpenFloors {
  readonly floors: Floors;
  readonly stop: () => Promise<void>;
}

export interface TenantDirectoryOptions {
  readonly name: string;
  readonly kmsPublicKey: KeyObject;
  /** The bridge's age identities. */
  readonly identities: readonly string[];
  readonly zookeeper: ZooKeeper;
  /** Reads the floors of a tenant whose K_b is known. Rejects with what Kafka rejects with. */
  readonly openFloors: (tenant: Tenant) => Promise<OpenFloors>;
  readonly onChange: (change: ClientChange) => void;
  /** The tenant begins to be served, or its head has changed. */
  readonly onTenant: (tenant: Tenant) => void;
  readonly log: Logger;
}

export class TenantDirectory {
  readonly #options: TenantDirectoryOptions;
  readonly #clients: Clients;
  readonly #watch: TenantWatch;
  readonly #headGroup: WatchGroup;
  readonly #stopping = new AbortController();
  #stopHeadWatch: (() => void) | undefined;
  #head: OpenedHead | undefined;
  /** K_b, of the first head that the KMS signed: everything stored is under it. */
  #bridgeKey: Buffer | undefined;
  #opening: Promise<OpenFloors> | undefined;
  #floors: Floors | undefined;
  /** The newest head found in ZooKeeper that has not been judged yet. */
  #found: Buffer | undefined;
  #judging: Promise<void> | undefined;

  constructor(options: TenantDirectoryOptions) {
    this.#options = options;
    this.#clients = new Clients(options.name);
    this.#headGroup = new WatchGroup(options.zookeeper);
    this.#watch = new TenantWatch({
      zookeeper: options.zookeeper,
      tenant: options.name,
      onDocument: (path, place, document) => this.#onDocument(path, place, document),
      chunks: (client) => this.#clients.chunks(client),
      isHeld: (place) => this.#clients.has(place),
      log: options.log,
    });
  }

  get name(): string {
    return this.#options.name;
  }

  get kmsPublicKey(): KeyObject {
    return this.#options.kmsPublicKey;
  }

  /** `null` until a good head has been found or imported. */
  get tenant(): Tenant | null {
    return this.#head?.tenant ?? null;
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  clients(): Iterable<Client> {
    return this.#clients.all();
  }

  client(name: string): Client | null {
    return this.tenant ? this.#clients.get(name) : null;
  }

  /** How long ago ZooKeeper confirmed everything held here; Infinity before the first full load. */
  ageMs(): number {
    const headAgeMs = this.#headGroup.ageMs();
    return this.#head ? Math.max(headAgeMs, this.#watch.ageMs()) : headAgeMs;
  }

  /** Begins to follow the head, and with it everything else. */
  start(): void {
    const { zookeeper, name } = this.#options;
    const onNode = (node: ZNode | null): void => this.#onHeadNode(node);
    this.#stopHeadWatch ??= zookeeper.watchNode(headPath(name), onNode, this.#headGroup);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#stopHeadWatch?.();
    this.#headGroup.close();
    this.#watch.stop();
    await this.#judging;
    await (await this.#opening?.catch(() => undefined))?.stop();
  }

  /**
   * Resolves when all that ZooKeeper has of this tenant has been read and judged; a tenant without a good head has
   * nothing. Rejects with UNAVAILABLE after `timeoutMs`, STOPPED.
   */
  async whenLoaded(timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    await this.#headGroup.whenSynced(timeoutMs);
    await this.#judged(deadlineMs - performance.now());
    if (this.#head) await this.#watch.whenSynced(deadlineMs - performance.now());
  }

  /** Throws BAD_DOCUMENT, also for a head with another K_b than the first one. */
  async openHead(document: Buffer): Promise<OpenedHead> {
    const { name, kmsPublicKey, identities } = this.#options;
    const head = await openHead(name, document, { kmsPublicKey, identities });
    this.#bridgeKey ??= head.tenant.bridgeKey;
    if (!this.#bridgeKey.equals(head.tenant.bridgeKey))
      throw new VeilError("BAD_DOCUMENT", "the head has another bridge key than before");
    return head;
  }

  /** The floors of the tenant of `head`, read once. Rejects with UNAVAILABLE, TIMEOUT and their like. */
  async floors(head: OpenedHead): Promise<Floors> {
    this.#opening ??= this.#options.openFloors(head.tenant);
    try {
      const { floors } = await this.#opening;
      this.#floors = floors;
      return floors;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  /** What a client's documents are opened with and held against; `null` until a head is in force. */
  realm(): { readonly bridgeKey: Buffer; readonly floors: Floors } | null {
    if (!this.tenant || !this.#floors) return null;
    return { bridgeKey: this.tenant.bridgeKey, floors: this.#floors };
  }

  /** Puts a head in force. Throws ROLLED_BACK; rejects where the floors cannot be read. */
  async acceptHead(head: OpenedHead): Promise<void> {
    const floors = await this.floors(head);
    if (this.#stopping.signal.aborted) throw new VeilError("STOPPED", "the directory is stopped");
    floors.check(head);
    floors.raise(head);
    if (this.#head?.digest === head.digest) return;
    const begins = this.#head === undefined;
    this.#head = head;
    if (begins) this.#watch.start();
    this.#options.log.info({ tenant: this.name, serial: head.serial }, "a head is in force");
    this.#options.onTenant(head.tenant);
  }

  /** Puts a client's document in force at once; a mail is for its client alone. Throws ROLLED_BACK. */
  accept(opened: OpenedDocument | OpenedMail, floors: Floors): void {
    floors.check(opened);
    floors.raise(opened);
    if (opened.kind === "mail") return;
    const change = this.#clients.apply(opened);
    if (change) this.#options.onChange(change);
  }

  #onHeadNode(node: ZNode | null): void {
    if (!node) {
      if (this.#head)
        this.#options.log.warn(
          { tenant: this.name },
          "the head is gone from ZooKeeper; the last one stays",
        );
      return;
    }
    this.#found = node.data;
    this.#judging ??= this.#judgeHeads();
  }

  async #judgeHeads(): Promise<void> {
    const { log } = this.#options;
    const backoff = new Backoff(RETRY);
    const { signal } = this.#stopping;
    while (this.#found && !signal.aborted) {
      const document = this.#found;
      try {
        const head = await this.openHead(document);
        await this.acceptHead(head);
        this.#floors?.recordSoon(head.path);
      } catch (error) {
        if (isVeilError(error) && error.retryable) {
          log.warn({ err: error, tenant: this.name }, "the floors cannot be read yet");
          await backoff.wait(signal);
          continue;
        }
        log.error({ err: error, path: headPath(this.name) }, "a document was refused");
      }
      if (this.#found === document) this.#found = undefined;
    }
    this.#judging = undefined;
  }

  async #judged(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new VeilError("UNAVAILABLE", "the tenant's floors have not been read yet");
      timer = setTimeout(() => reject(error), Math.max(0, timeoutMs));
    });
    await Promise.race([this.#judging, late]).finally(() => clearTimeout(timer));
  }

  #onDocument(path: string, place: ClientPlace, document: Buffer): void {
    const { kmsPublicKey, log } = this.#options;
    const realm = this.realm();
    if (!realm) return;
    const { bridgeKey, floors } = realm;
    // Known: imported here a moment ago, or read again after a connection was lost.
    const isKnown = this.#clients.holds(place, digestOf(document));
    const found = { path, place, document, kmsPublicKey, bridgeKey };
    try {
      if (!isKnown) this.accept(openClientDocument(found), floors);
      floors.recordSoon(path);
    } catch (error) {
      log.error({ err: error, path }, "a document was refused; the last good one stays");
    }
  }
}

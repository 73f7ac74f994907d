/** The documents of one tenant's clients, followed in ZooKeeper. Holds none of them, and judges none. */
import type { ZNode } from "../../core/ports/zookeeper/connection.ts";
import { WatchGroup } from "../../core/ports/zookeeper/watch-group.ts";
import type { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";
import type { Logger } from "../../core/runtime/log.ts";
import {
  certPath,
  clientPath,
  clientsPath,
  grantsPath,
  parseDocumentPath,
} from "../../core/wire/directory.ts";
import { nameField } from "../../core/wire/fields.ts";
import type { ClientPlace } from "./documents.ts";

export interface TenantWatchOptions {
  readonly zookeeper: ZooKeeper;
  readonly tenant: string;
  /** A document as it lies in ZooKeeper now. */
  readonly onDocument: (path: string, place: ClientPlace, document: Buffer) => void;
  /** How many grant chunks of a client count, by its last good enrolment. */
  readonly chunks: (client: string) => number;
  readonly isHeld: (place: ClientPlace) => boolean;
  readonly log: Logger;
}

export class TenantWatch {
  readonly #options: TenantWatchOptions;
  readonly #group: WatchGroup;
  /** Those that are followed, and how many grant chunks of each. All else of a watch is its path: of each there are thousands. */
  readonly #clients = new Map<string, number>();
  readonly #onNode = (node: ZNode | null, path: string): void => this.#told(path, node);
  #stop: (() => void) | undefined;

  constructor(options: TenantWatchOptions) {
    this.#options = options;
    this.#group = new WatchGroup(options.zookeeper);
  }

  start(): void {
    const { zookeeper, tenant } = this.#options;
    const onNames = (names: string[] | null): void => this.#list(names ?? []);
    this.#stop ??= zookeeper.watchChildren(clientsPath(tenant), onNames, this.#group);
  }

  stop(): void {
    this.#group.close();
    this.#stop?.();
    for (const client of this.#clients.keys()) this.#unfollow(client);
  }

  /** How long ago ZooKeeper confirmed everything told so far; Infinity before the first full load. */
  ageMs(): number {
    return this.#group.ageMs();
  }

  /** Resolves when everything has been told once. Rejects with UNAVAILABLE after `timeoutMs`, STOPPED. */
  async whenSynced(timeoutMs: number): Promise<void> {
    return this.#group.whenSynced(timeoutMs);
  }

  #list(names: readonly string[]): void {
    const present = new Set(names);
    for (const client of this.#clients.keys()) if (!present.has(client)) this.#unfollow(client);
    for (const client of present)
      if (!this.#clients.has(client) && nameField.safeParse(client).success) this.#follow(client);
  }

  #follow(client: string): void {
    const { tenant } = this.#options;
    this.#clients.set(client, 0);
    this.#watch(clientPath(tenant, client));
    // The watch of a missing node tells of its creation: a certificate may come later.
    this.#watch(certPath(tenant, client));
  }

  #unfollow(client: string): void {
    const { tenant } = this.#options;
    this.#followChunks(client, 0);
    this.#unwatch(clientPath(tenant, client));
    this.#unwatch(certPath(tenant, client));
    this.#clients.delete(client);
  }

  #followChunks(client: string, count: number): void {
    const { tenant } = this.#options;
    const followed = this.#clients.get(client);
    if (followed === undefined) return;
    this.#clients.set(client, count);
    for (let chunk = count; chunk < followed; chunk++)
      this.#unwatch(grantsPath(tenant, client, chunk));
    for (let chunk = followed; chunk < count; chunk++)
      this.#watch(grantsPath(tenant, client, chunk));
  }

  #watch(path: string): void {
    this.#options.zookeeper.watchNode(path, this.#onNode, this.#group);
  }

  #unwatch(path: string): void {
    this.#options.zookeeper.unwatch(path, this.#group);
  }

  #told(path: string, node: ZNode | null): void {
    const { isHeld, chunks, onDocument, log } = this.#options;
    const place = parseDocumentPath(path);
    if (place.kind === "head" || place.kind === "mail") return;
    // Only a signed document takes something away: what is merely gone stays as it was.
    if (!node && isHeld(place))
      log.warn({ path }, "a document is gone from ZooKeeper; the last one stays");
    // A parent that was made for its children, before its own document.
    if (!node || node.data.length === 0) return;
    onDocument(path, place, node.data);
    if (place.kind === "client") this.#followChunks(place.client, chunks(place.client));
  }
}

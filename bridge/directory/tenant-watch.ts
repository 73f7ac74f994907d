/** The documents of one tenant's clients, followed in ZooKeeper. Holds none of them, and judges none. */
import type { ZNode } from "../../core/ports/zookeeper/connection.ts";
import { WatchGroup } from "../../core/ports/zookeeper/watch-group.ts";
import type { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { certPath, clientPath, clientsPath, grantsPath } from "../../core/wire/directory.ts";
import { nameField } from "../../core/wire/fields.ts";
import type { ClientPlace } from "./documents.ts";

export interface TenantWatchOptions {
  readonly zookeeper: ZooKeeper;
  readonly tenant: string;
  /** A document as it lies in ZooKeeper now. */
  readonly onDocument: (path: string, place: ClientPlace, document: Buffer) => void;
  /** How many grant chunks of a client count, by its last good enrolment. */
  readonly chunks: (client: string) => number;
  readonly log: Logger;
}

interface Followed {
  readonly stops: readonly (() => void)[];
  /** One per grant chunk that counts, by its number. */
  grants: readonly (() => void)[];
}

export class TenantWatch {
  readonly #options: TenantWatchOptions;
  readonly #group: WatchGroup;
  readonly #clients = new Map<string, Followed>();
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
    const stops = [
      this.#watch(clientPath(tenant, client), { kind: "client", tenant, client }),
      // The watch of a missing node tells of its creation: a certificate may come later.
      this.#watch(certPath(tenant, client), { kind: "cert", tenant, client }),
    ];
    this.#clients.set(client, { stops, grants: [] });
  }

  #unfollow(client: string): void {
    const followed = this.#clients.get(client);
    this.#clients.delete(client);
    for (const stop of [...(followed?.stops ?? []), ...(followed?.grants ?? [])]) stop();
  }

  #watch(path: string, place: ClientPlace): () => void {
    const { zookeeper, log, onDocument } = this.#options;
    let seen = false;
    const onNode = (node: ZNode | null): void => {
      // Only a signed document takes something away: what is merely gone stays as it was.
      if (!node && seen)
        log.warn({ path }, "a document is gone from ZooKeeper; the last one stays");
      seen = node !== null;
      // A parent that was made for its children, before its own document.
      if (!node || node.data.length === 0) return;
      onDocument(path, place, node.data);
      if (place.kind === "client") this.#followGrants(place.client);
    };
    return zookeeper.watchNode(path, onNode, this.#group);
  }

  #followGrants(client: string): void {
    const { tenant, chunks } = this.#options;
    const followed = this.#clients.get(client);
    if (!followed) return;
    const count = chunks(client);
    for (const stop of followed.grants.slice(count)) stop();
    const kept = followed.grants.slice(0, count);
    const more = Array.from({ length: count - kept.length }, (_, at) => {
      const chunk = kept.length + at;
      const path = grantsPath(tenant, client, chunk);
      return this.#watch(path, { kind: "grants", tenant, client, chunk });
    });
    // No `push`: it would reserve room for 16 more.
    followed.grants = kept.concat(more);
  }
}

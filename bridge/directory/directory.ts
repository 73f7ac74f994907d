/**
 * The directory (PROTOCOL.md §4): a verified view of `/veilmq/<tenant>/…`. Tenants and their KMS keys come from
 * configuration alone; everything else is what the KMS signed, found in ZooKeeper or imported here.
 */
import type { KeyObject } from "node:crypto";
import type { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { Operation } from "../../core/wire/directory.ts";
import type { ImportResponse } from "../../core/wire/http.ts";
import type { Login } from "../../core/wire/login.ts";
import { INTERNAL_KIND } from "../../core/wire/store.ts";
import { CompactedTopic, type KafkaAccess } from "../store/compacted-topic.ts";
import type { BundledDocument } from "./bundle.ts";
import { Floors } from "./floors.ts";
import { Importer } from "./import.ts";
import { type OpenFloors, TenantDirectory } from "./tenant-directory.ts";
import type { Client, ClientChange, Directory, Tenant } from "./types.ts";

export interface VerifiedDirectoryOptions {
  /** KMS public keys by tenant. */
  readonly tenants: ReadonlyMap<string, KeyObject>;
  /** The bridge's age identities. */
  readonly identities: readonly string[];
  readonly zookeeper: ZooKeeper;
  readonly access: KafkaAccess;
  /** How long `start()` waits for ZooKeeper and Kafka. */
  readonly loadTimeoutMs: number;
  readonly log: Logger;
}

export class VerifiedDirectory implements Directory {
  readonly name = "directory";
  readonly #options: VerifiedDirectoryOptions;
  readonly #tenants = new Map<string, TenantDirectory>();
  readonly #importer: Importer;
  readonly #clientListeners = new Set<(change: ClientChange) => void>();
  readonly #tenantListeners = new Set<(tenant: Tenant) => void>();
  #changes = 0;

  constructor(options: VerifiedDirectoryOptions) {
    this.#options = options;
    const { tenants, zookeeper, log } = options;
    for (const [name, kmsPublicKey] of tenants)
      this.#tenants.set(name, this.#create(name, kmsPublicKey));
    this.#importer = new Importer({ tenants: this.#tenants, zookeeper, log });
  }

  /** Resolves when everything in ZooKeeper has been read and judged. Throws UNAVAILABLE where that takes too long. */
  async start(): Promise<void> {
    const { loadTimeoutMs, log } = this.#options;
    const tenants = [...this.#tenants.values()];
    for (const tenant of tenants) tenant.start();
    await Promise.all(tenants.map((tenant) => tenant.whenLoaded(loadTimeoutMs)));
    for (const { name, tenant, clientCount } of tenants)
      if (tenant) log.info({ tenant: name, clients: clientCount }, "the directory is loaded");
      else log.warn({ tenant: name }, "this tenant has no head yet: nothing is served for it");
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#tenants.values()].map((tenant) => tenant.stop()));
  }

  /**
   * After a reload: begins to follow tenants that are new, and forgets those that are no longer there or have another
   * key now, which begin anew. Returns the names of those forgotten.
   */
  async setTenants(tenants: ReadonlyMap<string, KeyObject>): Promise<string[]> {
    const gone: string[] = [];
    for (const [name, tenant] of [...this.#tenants]) {
      if (tenants.get(name)?.equals(tenant.kmsPublicKey)) continue;
      this.#tenants.delete(name);
      this.#changes++;
      gone.push(name);
      await tenant.stop();
    }
    for (const [name, kmsPublicKey] of tenants) {
      if (this.#tenants.has(name)) continue;
      const tenant = this.#create(name, kmsPublicKey);
      this.#tenants.set(name, tenant);
      tenant.start();
    }
    return gone;
  }

  /** Those that are configured, served or not. */
  get tenantNames(): string[] {
    return [...this.#tenants.keys()];
  }

  tenant(name: string): Tenant | null {
    return this.#tenants.get(name)?.tenant ?? null;
  }

  /** What the tenant's documents are signed with; `null` where it is not served. */
  kmsPublicKey(tenant: string): KeyObject | null {
    return this.#tenants.get(tenant)?.kmsPublicKey ?? null;
  }

  /** Everybody of a tenant who is enrolled. */
  clients(tenant: string): Iterable<Client> {
    return this.#tenants.get(tenant)?.clients() ?? [];
  }

  client(login: Login): Client | null {
    return this.#tenants.get(login.tenant)?.client(login.client) ?? null;
  }

  get changes(): number {
    return this.#changes;
  }

  allows(client: Client, operation: Operation, tag: Uint8Array, nowMs: number): boolean {
    if (client.status !== "active") return false;
    const grant = client.grants.get(Buffer.from(tag).toString("hex"));
    return grant?.ops.includes(operation) === true && grant.nbf <= nowMs && nowMs < grant.exp;
  }

  onClientChange(listener: (change: ClientChange) => void): () => void {
    this.#clientListeners.add(listener);
    return () => this.#clientListeners.delete(listener);
  }

  onTenant(listener: (tenant: Tenant) => void): () => void {
    this.#tenantListeners.add(listener);
    return () => this.#tenantListeners.delete(listener);
  }

  ageMs(tenant?: string): number {
    if (tenant !== undefined) return this.#tenants.get(tenant)?.ageMs() ?? Infinity;
    return Math.max(0, ...[...this.#tenants.values()].map((directory) => directory.ageMs()));
  }

  async import(documents: readonly BundledDocument[]): Promise<ImportResponse> {
    return this.#importer.import(documents);
  }

  #create(name: string, kmsPublicKey: KeyObject): TenantDirectory {
    const { identities, zookeeper, log } = this.#options;
    return new TenantDirectory({
      ...{ name, kmsPublicKey, identities, zookeeper, log },
      openFloors: (tenant) => this.#openFloors(tenant),
      onChange: (change) => this.#tell(this.#clientListeners, change),
      onTenant: (tenant) => this.#tell(this.#tenantListeners, tenant),
    });
  }

  async #openFloors({ store }: Tenant): Promise<OpenFloors> {
    const { access, loadTimeoutMs, log } = this.#options;
    const topic = new CompactedTopic({
      ...access,
      topic: store.topicName(INTERNAL_KIND.directory),
      readTimeoutMs: loadTimeoutMs,
      log,
    });
    const floors = new Floors({ store, topic, log });
    try {
      await topic.create();
      topic.follow({
        from: 0n,
        onEntries: async (entries) => {
          for (const entry of entries) floors.read(entry);
        },
        // What was accepted before stays a floor, and the topic gets it again.
        onAnew: async () => floors.recordAgain(),
      });
      await topic.readToEnd();
    } catch (error) {
      await topic.stop();
      throw error;
    }
    return {
      floors,
      stop: async () => {
        await floors.stop();
        await topic.stop();
      },
    };
  }

  #tell<T>(listeners: ReadonlySet<(event: T) => void>, event: T): void {
    this.#changes++;
    for (const listener of listeners)
      try {
        listener(event);
      } catch (error) {
        this.#options.log.error({ err: error }, "a listener to the directory failed");
      }
  }
}

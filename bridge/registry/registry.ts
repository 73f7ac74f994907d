/** The registry of all tenants (PROTOCOL.md §4): key announcements, shared by all bridges through Kafka. */
import { VeilError } from "../../core/errors.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { Directory } from "../directory/types.ts";
import type { KafkaAccess } from "../store/compacted-topic.ts";
import { LocalIndex } from "./local-index.ts";
import { TenantRegistry } from "./tenant-registry.ts";
import type { Registry, RegistryEntry, RegistryKey } from "./types.ts";

/** While Kafka is away, a tenant's topic is tried once in this time, however many ask. */
const RETRY_MS = 1_000;

export interface KafkaRegistryOptions {
  readonly directory: Pick<Directory, "tenant" | "onTenant">;
  /** The tenants that are configured. */
  readonly tenants: readonly string[];
  readonly access: KafkaAccess;
  /** Where the local index lies. */
  readonly folder: string;
  /** The longest that devices' outboxes keep what nobody took. */
  readonly outboxMaxAgeMs: number;
  readonly log: Logger;
}

export class KafkaRegistry implements Registry {
  readonly name = "registry";
  readonly #options: KafkaRegistryOptions;
  readonly #index: LocalIndex;
  readonly #tenants = new Map<string, Promise<TenantRegistry>>();
  #stopListening: (() => void) | undefined;
  #stopped = false;

  constructor(options: KafkaRegistryOptions) {
    this.#options = options;
    this.#index = new LocalIndex(options.folder);
  }

  /** Opens the index and begins to follow the topics of all tenants that have a head. Throws DISK. */
  async start(): Promise<void> {
    const { directory, tenants } = this.#options;
    await this.#index.open();
    this.#stopListening = directory.onTenant(({ name }) => this.#warm(name));
    for (const name of tenants) if (directory.tenant(name)) this.#warm(name);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopListening?.();
    const opened = await Promise.allSettled(this.#tenants.values());
    await Promise.all(
      opened.map((end) => (end.status === "fulfilled" ? end.value.stop() : undefined)),
    );
    await this.#index.close();
  }

  /** After a reload: lets go of a tenant that is served no more. */
  async forget(name: string): Promise<void> {
    const opening = this.#tenants.get(name);
    this.#tenants.delete(name);
    const opened = await opening?.catch(() => undefined);
    await opened?.stop();
  }

  async register(key: RegistryKey, entry: RegistryEntry): Promise<{ readonly isNew: boolean }> {
    return (await this.#tenant(key.tenant)).register(key, entry);
  }

  async has(key: RegistryKey): Promise<boolean> {
    return (await this.#tenant(key.tenant)).has(key);
  }

  async find(key: Omit<RegistryKey, "producerId">): Promise<RegistryEntry[]> {
    return (await this.#tenant(key.tenant)).find(key);
  }

  #warm(name: string): void {
    this.#tenant(name).catch((error: unknown) =>
      this.#options.log.warn({ err: error, tenant: name }, "the registry cannot be read yet"),
    );
  }

  async #tenant(name: string): Promise<TenantRegistry> {
    const known = this.#tenants.get(name);
    if (known) return known;
    const opening = this.#open(name);
    this.#tenants.set(name, opening);
    // Only the waiting is for all to share: a failure is forgotten, and the next who asks tries again.
    opening.catch(() => setTimeout(() => this.#tenants.delete(name), RETRY_MS).unref());
    return opening;
  }

  async #open(name: string): Promise<TenantRegistry> {
    const { directory, access, outboxMaxAgeMs, log } = this.#options;
    const tenant = directory.tenant(name);
    if (!tenant || this.#stopped)
      throw new VeilError("UNAVAILABLE", "the registry of this tenant is not open");
    const registry = new TenantRegistry({
      tenant,
      ...{ access, outboxMaxAgeMs },
      realm: (topic) => this.#index.realm(topic),
      retentionMs: () => directory.tenant(name)?.kafka.retentionMs ?? Number.POSITIVE_INFINITY,
      log,
    });
    try {
      await registry.start();
      return registry;
    } catch (error) {
      await registry.stop();
      throw error;
    }
  }
}

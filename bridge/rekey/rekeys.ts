/**
 * Who has to make a new data key (PROTOCOL.md §4, "Revoke"): when a consumer loses a tag, every producer of it is told
 * `rekey`, at once if it is here, otherwise each time it registers, until it has announced a new key.
 *
 *   documents change ──► losses ──► owed here ──► producers are told
 *                          └──► topic in Kafka ──► the other bridges, and this one after its next start
 */
import type { Login } from "../../core/wire/login.ts";
import type { ClientChange, Directory, Tenant } from "../directory/types.ts";
import { type Loss, lossesOf } from "./loss.ts";
import { Owed } from "./owed.ts";

/** Where the losses of one tenant are kept, for all bridges. */
export interface LossLog {
  start(): void;
  record(losses: readonly Loss[]): void;
  stop(): Promise<void>;
}

export interface RekeysOptions {
  readonly directory: Pick<Directory, "onClientChange" | "onTenant">;
  readonly openLog: (tenant: Tenant, onLosses: (losses: readonly Loss[]) => void) => LossLog;
}

export class Rekeys {
  readonly name = "rekeys";
  readonly #options: RekeysOptions;
  readonly #owed = new Owed();
  readonly #logs = new Map<string, LossLog>();
  readonly #listeners = new Set<(tags: ReadonlySet<string>, tenant: string) => void>();
  #stopListening: (() => void)[] = [];

  constructor(options: RekeysOptions) {
    this.#options = options;
  }

  /** Before the directory starts: what it then finds is no change. */
  async start(): Promise<void> {
    const { directory } = this.#options;
    this.#stopListening = [
      directory.onTenant((tenant) => this.#open(tenant)),
      directory.onClientChange((change) => this.#changed(change)),
    ];
  }

  async stop(): Promise<void> {
    for (const stopListening of this.#stopListening) stopListening();
    await Promise.all([...this.#logs.values()].map((log) => log.stop()));
  }

  /** After a reload: lets go of a tenant that is served no more. */
  async forget(tenant: string): Promise<void> {
    const log = this.#logs.get(tenant);
    this.#logs.delete(tenant);
    await log?.stop();
  }

  /** Whether this producer has to be told now. */
  owes(producer: Login, hexTag: string): boolean {
    return this.#owed.owes(producer, hexTag);
  }

  /** Before a key is registered. Returns what to call when it is, and is a new one. */
  beginAnnouncement(producer: Login, hexTag: string): () => void {
    const { count } = this.#owed;
    // What is lost meanwhile is not paid with it: it may have been released in between.
    return () => this.#owed.renewed(producer, hexTag, count);
  }

  /** Calls `listener` with the hex tags of a tenant whose producers have to make new keys; returns how to stop that. */
  onLost(listener: (tags: ReadonlySet<string>, tenant: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #open(tenant: Tenant): void {
    if (this.#logs.has(tenant.name)) return;
    const log = this.#options.openLog(tenant, (losses) => this.#hear(losses));
    this.#logs.set(tenant.name, log);
    log.start();
  }

  #changed(change: ClientChange): void {
    const losses = lossesOf(change);
    if (losses.length === 0) return;
    this.#logs.get(change.login.tenant)?.record(losses);
    this.#hear(losses);
  }

  #hear(losses: readonly Loss[]): void {
    const news = losses.filter((loss) => this.#owed.lost(loss));
    const [first] = news;
    if (!first) return;
    const tags = new Set(news.map(({ hexTag }) => hexTag));
    for (const listener of this.#listeners) listener(tags, first.tenant);
  }
}

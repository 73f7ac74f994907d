/** The limits of a bridge, what is counted against them, and how an operator hears of it. */
import { VeilError } from "../../core/errors.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { Quiet } from "../../core/runtime/quiet.ts";
import { RecentMap } from "../../core/runtime/recent-map.ts";
import { formatLogin, type Login } from "../../core/wire/login.ts";
import type { BridgeConfig } from "../config.ts";
import type { BridgeMetrics } from "../metrics.ts";
import { Addresses } from "./addresses.ts";
import { LimitBook } from "./limit-book.ts";
import { type Exceeded, type LimitName, Quotas } from "./quotas.ts";
import { RateLimit } from "./rate-limit.ts";

/** One line for each limit and client in this time: a flood must not become one of log lines. */
const QUIET_MS = 60_000;
const MAX_TOLD = 10_000;
/** Of one client. */
const REFUSALS_PER_MINUTE = 300;
const CLOSINGS_PER_MINUTE = 30;
/** The label where no tenant is known yet. */
const NO_TENANT = "-";
const MINUTE_S = 60;

/** What the operator can do, beside looking at who it is. */
const HINTS: Readonly<Record<LimitName, string>> = {
  "client.messagesPerSecond": "it is read more slowly; a device that empties its outbox is fine",
  "client.bytesPerSecond": "it is read more slowly; a device that empties its outbox is fine",
  "client.registrationsPerSecond": "they wait for their turn; an agent registers a topic once",
  "client.announcementsPerSecond": "they wait for their turn; an agent makes a key a week",
  "client.connectsPerMinute":
    "it is told to come later: does its network come and go, or do two devices share a credential?",
  httpPerSecondPerClient: "it is told to wait; raise the limit if it reads thousands of topics",
  httpInFlightPerClient: "it is told to wait; a consumer asks one after the other",
  "client.topics": "an agent with so many topics needs a higher limit",
  "tenant.messagesPerSecond":
    "its devices are read more slowly; raise the limit if it may have more",
  "tenant.bytesPerSecond": "its devices are read more slowly; raise the limit if it may have more",
  "tenant.registrationsPerSecond": "they wait for their turn: do all its devices reconnect?",
  "tenant.announcementsPerSecond": "they wait for their turn: do all its devices restart?",
  "tenant.topics": "no new topic is made for it; raise the limit if it may have more",
  "tenant.connections": "no more of its devices are let in; raise the limit if it may have more",
  "tenant.httpPerSecond": "its consumers are told to wait; raise the limit if it may have more",
  "address.failedLoginsPerMinute":
    "it is turned away until it rests; behind one address there may be a whole site",
  "address.connectsPerSecond":
    "what is beyond is closed a few seconds later; raise the limit if a large site is behind this address",
  "address.httpConnectsPerSecond":
    "what is beyond is closed a few seconds later; raise the limit if many consumers or a proxy are behind this address",
  "address.pendingConnections":
    "somebody opens connections and does not log in; raise the limit if a large site is behind this address",
  "address.httpConnections":
    "what is beyond is closed a few seconds later; raise the limit if a proxy is behind this address",
};

export interface LimitsOptions {
  readonly config: Pick<BridgeConfig, "limits" | "tenants">;
  readonly metrics: Pick<BridgeMetrics, "exceeded">;
  readonly log: Logger;
}

export class Limits {
  readonly book: LimitBook;
  readonly quotas: Quotas;
  readonly addresses: Addresses;
  /** Refusals that are worth a line in the log; all are counted. */
  readonly refusals = new Quiet({ perMinute: REFUSALS_PER_MINUTE });
  /** Sessions whose end is worth a line. */
  readonly closings = new Quiet({ perMinute: CLOSINGS_PER_MINUTE });
  readonly #options: LimitsOptions;
  readonly #told = new RecentMap<string, true>({ max: MAX_TOLD, ttlMs: QUIET_MS });
  readonly #connects: RateLimit;
  /** Sessions of each tenant. */
  readonly #connections = new Map<string, number>();

  constructor(options: LimitsOptions) {
    this.#options = options;
    this.book = new LimitBook(options.config);
    this.quotas = new Quotas({ limits: this.book, onExceeded: (what) => this.note(what) });
    this.addresses = new Addresses({
      limits: () => this.book.bridge.address,
      onExceeded: (limit, address) => this.note({ limit, tenant: NO_TENANT, address }),
    });
    const { book } = this;
    this.#connects = new RateLimit({
      get burst() {
        return book.client.connectsPerMinute;
      },
      get perSecond() {
        return book.client.connectsPerMinute / MINUTE_S;
      },
    });
  }

  /** Counts it, and says it once a minute. */
  note({ address, ...exceeded }: Exceeded & { readonly address?: string }): void {
    const { limit, tenant, client } = exceeded;
    this.#options.metrics.exceeded(limit, tenant);
    const id = [limit, tenant, client, address].join(" ");
    if (this.#told.get(id)) return;
    this.#told.set(id, true);
    const who = { ...exceeded, ...(address !== undefined && { address }) };
    this.#options.log.warn({ event: "limited", ...who, hint: HINTS[limit] }, "a limit is reached");
  }

  /** Whether the client, which has proved who it is, may connect once more. */
  mayConnect(login: Login): boolean {
    if (this.#connects.tryTake(formatLogin(login))) return true;
    this.note({ limit: "client.connectsPerMinute", ...login });
    return false;
  }

  /** Whether one more device of `tenant` may connect. */
  hasRoom(tenant: string): boolean {
    if (this.connectionsOf(tenant) < this.book.tenant(tenant).connections) return true;
    this.note({ limit: "tenant.connections", tenant });
    return false;
  }

  /** How many devices of `tenant` are connected. */
  connectionsOf(tenant: string): number {
    return this.#connections.get(tenant) ?? 0;
  }

  connected(tenant: string): void {
    this.#connections.set(tenant, this.connectionsOf(tenant) + 1);
  }

  disconnected(tenant: string): void {
    const left = (this.#connections.get(tenant) ?? 1) - 1;
    if (left > 0) this.#connections.set(tenant, left);
    else this.#connections.delete(tenant);
  }

  /** Throws LIMIT where a connection has `aliases` and may have no more. */
  checkAliases(tenant: string, client: string, aliases: number): void {
    if (aliases <= this.book.client.topics) return;
    this.note({ limit: "client.topics", tenant, client });
    throw new VeilError("LIMIT", "too many aliases on one connection");
  }
}

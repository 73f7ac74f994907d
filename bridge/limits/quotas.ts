/**
 * The rates of clients and tenants (`limits.client`, `limits.tenant`). Nothing is refused here: it is told for how long
 * whoever exceeds a rate is to wait, so that a device that empties its outbox is slowed down and loses nothing, and a flood
 * waits in its own socket. A client that connects anew finds its debts again.
 */
import { VeilError } from "../../core/errors.ts";
import { RecentMap } from "../../core/runtime/recent-map.ts";
import { formatLogin, type Login } from "../../core/wire/login.ts";
import type { AddressLimit } from "./addresses.ts";
import { Bucket } from "./bucket.ts";
import type { LimitBook } from "./limit-book.ts";

const MAX_CLIENTS = 100_000;
/** Registrations of one client, or announcements, that are worked on as they come: an agent sends one after the other. */
const AT_ONCE = 20;

/** What has a rate, and the field of the configuration that gives it. */
const RATE_FIELD = {
  messages: "messagesPerSecond",
  bytes: "bytesPerSecond",
  registrations: "registrationsPerSecond",
  announcements: "announcementsPerSecond",
} as const;
export type Rated = keyof typeof RATE_FIELD;

/** A limit by its place in `limits` of bridge.yaml. */
export type LimitName =
  | `${"client" | "tenant"}.${(typeof RATE_FIELD)[Rated]}`
  | "client.topics"
  | "tenant.topics"
  | "tenant.connections"
  | "tenant.httpPerSecond"
  | "client.connectsPerMinute"
  | "httpPerSecondPerClient"
  | "httpInFlightPerClient"
  | AddressLimit;

/** A limit made itself felt. */
export interface Exceeded {
  readonly limit: LimitName;
  readonly tenant: string;
  /** Without it, it is the tenant as a whole. */
  readonly client?: string;
}

type Buckets = Readonly<Record<Rated, Bucket>>;

export interface QuotasOptions {
  readonly limits: Pick<LimitBook, "client" | "tenant">;
  readonly onExceeded: (exceeded: Exceeded) => void;
  readonly nowMs?: () => number;
}

export class Quotas {
  readonly #options: QuotasOptions;
  readonly #clients = new RecentMap<string, Buckets>({ max: MAX_CLIENTS });
  readonly #tenants = new Map<string, Buckets>();
  /** By tenant and epoch: the topics that its devices publish to. */
  readonly #topics = new Map<string, Map<number, Set<string>>>();

  constructor(options: QuotasOptions) {
    this.#options = options;
  }

  /** What a session is charged to. */
  of(login: Login): Quota {
    const name = formatLogin(login);
    const client = this.#clients.get(name) ?? newBuckets(AT_ONCE);
    this.#clients.set(name, client);
    const tenant = this.#tenants.get(login.tenant) ?? newBuckets();
    this.#tenants.set(login.tenant, tenant);
    return new Quota(this.#options, login, { client, tenant });
  }

  /**
   * A device of `tenant` is about to publish to `topic`. Throws LIMIT where that is one too many; topics of epochs for
   * which `isOver` holds count no more.
   */
  useTopic(
    { tenant, client }: Login,
    { topic, epoch }: { readonly topic: string; readonly epoch: number },
    isOver: (epoch: number) => boolean,
  ): void {
    const used = this.#topics.get(tenant) ?? new Map<number, Set<string>>();
    for (const known of used.keys()) if (isOver(known)) used.delete(known);
    const ofEpoch = used.get(epoch) ?? new Set<string>();
    if (ofEpoch.has(topic)) return;
    const count = [...used.values()].reduce((sum, { size }) => sum + size, 0);
    if (count >= this.#options.limits.tenant(tenant).topics) {
      this.#options.onExceeded({ limit: "tenant.topics", tenant, client });
      throw new VeilError("LIMIT", "the tenant has too many topics on this bridge");
    }
    this.#topics.set(tenant, used.set(epoch, ofEpoch.add(topic)));
  }
}

/** The buckets that one session is charged to: its client's and its tenant's. */
export class Quota {
  readonly #options: QuotasOptions;
  readonly #login: Login;
  readonly #client: Buckets;
  readonly #tenant: Buckets;

  constructor(
    options: QuotasOptions,
    login: Login,
    { client, tenant }: { readonly client: Buckets; readonly tenant: Buckets },
  ) {
    this.#options = options;
    this.#login = login;
    this.#client = client;
    this.#tenant = tenant;
  }

  /** How many milliseconds to wait until it is paid. */
  charge(rated: Rated, amount: number): number {
    const { limits } = this.#options;
    const atMs = this.#nowMs();
    const field = RATE_FIELD[rated];
    const ofClient = this.#client[rated].take(amount, limits.client[field], atMs);
    const ofTenant = limits.tenant(this.#login.tenant)[field];
    return this.#told(rated, ofClient, this.#tenant[rated].take(amount, ofTenant, atMs));
  }

  /** As `charge`, for what every read costs, until the next one: the fields by their names, which V8 finds sooner than by a variable. */
  chargeRead(bytes: number, messages: number): number {
    const { limits } = this.#options;
    const { client } = limits;
    const tenant = limits.tenant(this.#login.tenant);
    const atMs = this.#nowMs();
    const bytesWaitMs = this.#told(
      "bytes",
      this.#client.bytes.take(bytes, client.bytesPerSecond, atMs),
      this.#tenant.bytes.take(bytes, tenant.bytesPerSecond, atMs),
    );
    const messagesWaitMs = this.#told(
      "messages",
      this.#client.messages.take(messages, client.messagesPerSecond, atMs),
      this.#tenant.messages.take(messages, tenant.messagesPerSecond, atMs),
    );
    return Math.max(bytesWaitMs, messagesWaitMs);
  }

  #nowMs(): number {
    return this.#options.nowMs?.() ?? performance.now();
  }

  /** The longer of two waits, which are reported. */
  #told(rated: Rated, ofClient: number, ofTenant: number): number {
    if (ofClient <= 0 && ofTenant <= 0) return 0;
    const { onExceeded } = this.#options;
    const field = RATE_FIELD[rated];
    if (ofClient > 0) onExceeded({ limit: `client.${field}`, ...this.#login });
    if (ofTenant > 0) onExceeded({ limit: `tenant.${field}`, tenant: this.#login.tenant });
    return Math.max(ofClient, ofTenant);
  }
}

function newBuckets(atOnce?: number): Buckets {
  return {
    messages: new Bucket(),
    bytes: new Bucket(),
    registrations: new Bucket(atOnce),
    announcements: new Bucket(atOnce),
  };
}

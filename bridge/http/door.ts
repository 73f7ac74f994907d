/** Who is let in over HTTP, and how often (PROTOCOL.md §6): login, certificate, and the limits of address, client and tenant. */
import type { Socket } from "node:net";
import { isVeilError, VeilError } from "../../core/errors.ts";
import { peerCertificate } from "../../core/ports/tls/peer.ts";
import { formatLogin, type Login } from "../../core/wire/login.ts";
import type { Directory } from "../directory/types.ts";
import type { Limits } from "../limits/limits.ts";
import type { LimitName } from "../limits/quotas.ts";
import { Places, RateLimit } from "../limits/rate-limit.ts";
import type { Sightings } from "../sightings.ts";
import { authenticate } from "./login.ts";

/** A bucket holds what a tenant's rate gives in this time. */
const TENANT_BURST_S = 2;

export interface DoorOptions {
  readonly verified: Pick<Directory, "client">;
  readonly limits: Limits;
  readonly sightings: Sightings;
}

export interface Visit {
  readonly address: string;
  readonly socket: Socket;
  readonly authorization: string | undefined;
}

export class Door {
  readonly #options: DoorOptions;
  readonly #places: Places;
  readonly #clients: RateLimit;
  readonly #tenants = new Map<string, RateLimit>();

  constructor(options: DoorOptions) {
    this.#options = options;
    const { book } = options.limits;
    this.#places = new Places(() => book.bridge.httpInFlightPerClient);
    this.#clients = new RateLimit({
      get burst() {
        return book.bridge.httpBurstPerClient;
      },
      get perSecond() {
        return book.bridge.httpPerSecondPerClient;
      },
    });
  }

  /** Who asks. Throws AUTH, REVOKED, LIMIT. */
  identify({ address, socket, authorization }: Visit): Login {
    const { verified, limits } = this.#options;
    if (!limits.addresses.admits(address))
      throw new VeilError("LIMIT", "too many wrong logins from this address");
    try {
      const { login } = authenticate(authorization, verified);
      if (peerCertificate(socket, formatLogin(login)) === "foreign")
        throw new VeilError("AUTH", "the TLS certificate is not the client's");
      return login;
    } catch (error) {
      if (isVeilError(error, "AUTH")) limits.addresses.failed(address);
      throw error;
    }
  }

  /** Lets a client in; returns how it leaves. Throws LIMIT. */
  enter(login: Login): () => void {
    const name = formatLogin(login);
    this.#options.sightings.of(login).active(Date.now());
    this.#within("httpPerSecondPerClient", login, () => this.#clients.take(name));
    const { tenant } = login;
    this.#within("tenant.httpPerSecond", { tenant }, () => this.#rateOf(tenant).take(tenant));
    return this.#within("httpInFlightPerClient", login, () => this.#places.enter(name));
  }

  /** A request that has so much to ask for counts as several. */
  charge(login: Login, requests: number): void {
    this.#clients.charge(formatLogin(login), requests);
  }

  /** What `take` refuses is that limit's doing. */
  #within<T>(limit: LimitName, who: { tenant: string; client?: string }, take: () => T): T {
    try {
      return take();
    } catch (error) {
      this.#options.limits.note({ limit, ...who });
      throw error;
    }
  }

  #rateOf(tenant: string): RateLimit {
    const rate = this.#tenants.get(tenant) ?? tenantRate(this.#options.limits, tenant);
    this.#tenants.set(tenant, rate);
    return rate;
  }
}

function tenantRate({ book }: Limits, tenant: string): RateLimit {
  return new RateLimit({
    get burst() {
      return book.tenant(tenant).httpPerSecond * TENANT_BURST_S;
    },
    get perSecond() {
      return book.tenant(tenant).httpPerSecond;
    },
  });
}

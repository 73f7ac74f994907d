/** Who is let in over HTTP, and how often (PROTOCOL.md §6): login, certificate, and the limits of address, client and tenant. */
import type { Socket } from "node:net";
import { isVeilError, VeilError } from "../../core/errors.ts";
import { peerCertificate } from "../../core/ports/tls/peer.ts";
import { formatLogin, type Login } from "../../core/wire/login.ts";
import type { Directory } from "../directory/types.ts";
import type { Limits } from "../limits/limits.ts";
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

  /** The client, and how it leaves. Throws AUTH, REVOKED, LIMIT. */
  enter(visit: Visit): { readonly login: Login; readonly leave: () => void } {
    const login = this.#identify(visit);
    const name = formatLogin(login);
    this.#options.sightings.of(login).active(Date.now());
    this.#clients.take(name);
    this.#takeOfTenant(login);
    return { login, leave: this.#places.enter(name) };
  }

  #identify({ address, socket, authorization }: Visit): Login {
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

  #takeOfTenant({ tenant }: Login): void {
    const { limits } = this.#options;
    const rate = this.#tenants.get(tenant) ?? tenantRate(limits, tenant);
    this.#tenants.set(tenant, rate);
    try {
      rate.take(tenant);
    } catch (error) {
      limits.note({ limit: "tenant.httpPerSecond", tenant });
      throw error;
    }
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

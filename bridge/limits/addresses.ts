/**
 * What one address may take before anybody has logged in from it. Behind one there may be a whole site: nothing here
 * lasts longer than the address's own haste.
 */
import type { MqttArrival } from "../../core/ports/mqtt/server-types.ts";
import type { LimitsConfig } from "../config/limits.ts";
import { FailedLogins } from "./failed-logins.ts";
import { networkOf } from "./network.ts";
import { Places, RateLimit } from "./rate-limit.ts";

/**
 * A bucket holds what the rate gives in this time: the devices of a site come back with a jitter of their own, and each consumer
 * may open several connections.
 */
const BURST_S = 2;
/** Connections that begin as soon as they come; what comes with them begins at its rate, so that nobody waits behind a crowd. */
const AT_ONCE = 10;
/** What a request costs that no client of ours makes, or makes so often: as many HTTP connections more. */
const UNWELCOME = 4;

export type AddressLimit = `address.${keyof LimitsConfig["address"]}`;

export interface HttpArrival {
  /** To be called when it has ended. */
  readonly leave: () => void;
  /** In how many milliseconds it begins. */
  readonly inMs: number;
}

export interface AddressesOptions {
  readonly limits: () => LimitsConfig["address"];
  readonly onExceeded: (limit: AddressLimit, address: string) => void;
}

export class Addresses {
  readonly #limits: AddressesOptions["limits"];
  readonly #onExceeded: AddressesOptions["onExceeded"];
  readonly #failedLogins: FailedLogins;
  readonly #connects: RateLimit;
  readonly #httpConnects: RateLimit;
  readonly #pending: Places;
  readonly #http: Places;

  constructor({ limits, onExceeded }: AddressesOptions) {
    this.#limits = limits;
    this.#onExceeded = onExceeded;
    this.#failedLogins = new FailedLogins({
      perMinute: () => limits().failedLoginsPerMinute,
      onBlocked: (address) => onExceeded("address.failedLoginsPerMinute", address),
    });
    this.#connects = connectRate(() => limits().connectsPerSecond);
    this.#httpConnects = connectRate(() => limits().httpConnectsPerSecond);
    this.#pending = new Places(() => limits().pendingConnections);
    this.#http = new Places(() => limits().httpConnections);
  }

  /** A new MQTT connection: a place until it has logged in or ended. */
  arrive(address: string): MqttArrival {
    const group = networkOf(address);
    const { connectsPerSecond } = this.#limits();
    if (!this.#failedLogins.admits(group)) return { refused: "address-blocked" };
    if (!this.#connects.tryTake(group)) {
      this.#onExceeded("address.connectsPerSecond", group);
      return { refused: "address-busy" };
    }
    const settled = this.#pending.tryEnter(group);
    if (settled) return { settled, inMs: pauseMs(this.#connects.taken(group), connectsPerSecond) };
    this.#onExceeded("address.pendingConnections", group);
    return { refused: "address-busy" };
  }

  /** A new HTTP connection; `null` where there are too many. */
  arriveOverHttp(address: string): HttpArrival | null {
    const group = networkOf(address);
    const { httpConnectsPerSecond } = this.#limits();
    if (!this.#httpConnects.tryTake(group)) {
      this.#onExceeded("address.httpConnectsPerSecond", group);
      return null;
    }
    const leave = this.#http.tryEnter(group);
    if (leave)
      return { leave, inMs: pauseMs(this.#httpConnects.taken(group), httpConnectsPerSecond) };
    this.#onExceeded("address.httpConnections", group);
    return null;
  }

  /** A request of `address` was refused that a connection was closed for: it comes back the later. */
  unwelcomeOverHttp(address: string): void {
    this.#httpConnects.charge(networkOf(address), UNWELCOME);
  }

  /** Whether a login from `address` is looked at. */
  admits(address: string): boolean {
    return this.#failedLogins.admits(networkOf(address));
  }

  /** A wrong login, or what nobody sends who has one. */
  failed(address: string): void {
    this.#failedLogins.failed(networkOf(address));
  }
}

/** Of one who comes when so many were taken and have not come back. */
function pauseMs(taken: number, perSecond: number): number {
  return (1000 * Math.max(0, taken - AT_ONCE)) / perSecond;
}

function connectRate(perSecond: () => number): RateLimit {
  return new RateLimit({
    get burst() {
      return perSecond() * BURST_S;
    },
    get perSecond() {
      return perSecond();
    },
  });
}

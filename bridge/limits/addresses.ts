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
/** MQTT connections that begin as soon as they come; what comes with them begins at its rate, so that nobody waits behind a crowd. */
const AT_ONCE = 10;

export type AddressLimit = `address.${keyof LimitsConfig["address"]}`;

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
    if (!this.#failedLogins.admits(group)) return { refused: "address-blocked" };
    if (!this.#connects.tryTake(group)) {
      this.#onExceeded("address.connectsPerSecond", group);
      return { refused: "address-busy" };
    }
    const settled = this.#pending.tryEnter(group);
    if (settled) return { settled, inMs: this.#pauseMs(group) };
    this.#onExceeded("address.pendingConnections", group);
    return { refused: "address-busy" };
  }

  /** A new HTTP connection: how it ends, `null` where there are too many. */
  arriveOverHttp(address: string): (() => void) | null {
    const group = networkOf(address);
    if (!this.#httpConnects.tryTake(group)) {
      this.#onExceeded("address.httpConnectsPerSecond", group);
      return null;
    }
    const leave = this.#http.tryEnter(group);
    if (!leave) this.#onExceeded("address.httpConnections", group);
    return leave;
  }

  /** Whether a login from `address` is looked at. */
  admits(address: string): boolean {
    return this.#failedLogins.admits(networkOf(address));
  }

  #pauseMs(group: string): number {
    const early = Math.max(0, this.#connects.taken(group) - AT_ONCE);
    return (1000 * early) / this.#limits().connectsPerSecond;
  }

  /** A wrong login, or what nobody sends who has one. */
  failed(address: string): void {
    this.#failedLogins.failed(networkOf(address));
  }
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

/**
 * Wrong logins by address (of IPv6, by its /64), over MQTT and HTTP together. Guessing a secret of 32 bytes is hopeless; what is bounded here
 * is the work and the log lines that trying makes. Behind one address there may be a whole site: it is let in again as
 * soon as it rests.
 */
import { RecentMap } from "../../core/runtime/recent-map.ts";
import { networkOf } from "./network.ts";

const MAX_NETWORKS = 100_000;
const MINUTE_S = 60;

interface Tries {
  /** Wrong logins that are left. */
  left: number;
  atMs: number;
}

export interface FailedLoginsOptions {
  readonly perMinute: () => number;
  /** An address is turned away from now on. */
  readonly onBlocked: (address: string) => void;
  readonly nowMs?: () => number;
}

export class FailedLogins {
  readonly #options: FailedLoginsOptions;
  readonly #networks = new RecentMap<string, Tries>({ max: MAX_NETWORKS });

  constructor(options: FailedLoginsOptions) {
    this.#options = options;
  }

  /** Whether a login from `address` is looked at. */
  admits(address: string): boolean {
    const tries = this.#networks.get(networkOf(address));
    return tries === undefined || this.#left(tries) >= 1;
  }

  failed(address: string): void {
    const { perMinute, nowMs = () => performance.now(), onBlocked } = this.#options;
    const network = networkOf(address);
    const tries = this.#networks.get(network);
    const left = (tries ? this.#left(tries) : perMinute()) - 1;
    this.#networks.set(network, { left, atMs: nowMs() });
    if (left < 1 && left >= 0) onBlocked(network);
  }

  #left({ left, atMs }: Tries): number {
    const { perMinute, nowMs = () => performance.now() } = this.#options;
    const refilled = left + ((nowMs() - atMs) / 1000 / MINUTE_S) * perMinute();
    return Math.min(perMinute(), refilled);
  }
}

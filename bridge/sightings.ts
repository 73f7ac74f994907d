/** What a bridge has seen of each client: for `veilmq bridge clients`. In memory, of this bridge, since it started. */
import type { ErrorCode } from "../core/errors.ts";
import { RecentMap } from "../core/runtime/recent-map.ts";
import { formatLogin, type Login } from "../core/wire/login.ts";

const MAX_CLIENTS = 100_000;
/** Rates are those of the last whole window. */
const WINDOW_MS = 10_000;

export interface Refused {
  readonly what: string;
  readonly code: ErrorCode;
  readonly atMs: number;
}

/** One client. Times are milliseconds since 1970. */
export class Sighting {
  readonly login: Login;
  /** MQTT sessions; a consumer over HTTP has none. */
  connections = 0;
  lastSeenMs = 0;
  messages = 0;
  lastRefusal: Refused | null = null;
  #windowAtMs = 0;
  #windowMessages = 0;
  #perSecond = 0;

  constructor(login: Login) {
    this.login = login;
  }

  /** It asked or published something. */
  active(nowMs: number): void {
    this.lastSeenMs = nowMs;
    this.messages++;
    this.#turn(nowMs);
    this.#windowMessages++;
  }

  perSecond(nowMs: number): number {
    this.#turn(nowMs);
    return this.#perSecond;
  }

  #turn(nowMs: number): void {
    const elapsedMs = nowMs - this.#windowAtMs;
    if (elapsedMs < WINDOW_MS) return;
    // A window that nobody looked at may have been over for long: then nothing has come since.
    this.#perSecond = elapsedMs < 2 * WINDOW_MS ? (1000 * this.#windowMessages) / elapsedMs : 0;
    this.#windowAtMs = nowMs;
    this.#windowMessages = 0;
  }
}

/** As `GET /clients` of the admin listener gives it. */
export interface SightingView {
  readonly client: string;
  readonly tenant: string;
  readonly connected: boolean;
  readonly lastSeenMs: number;
  readonly messages: number;
  readonly perSecond: number;
  readonly lastRefusal: Refused | null;
}

export class Sightings {
  readonly #clients = new RecentMap<string, Sighting>({ max: MAX_CLIENTS });

  /** For clients that are enrolled: a name that somebody made up must not take a place. */
  of(login: Login): Sighting {
    const name = formatLogin(login);
    const sighting = this.#clients.get(name) ?? new Sighting(login);
    this.#clients.set(name, sighting);
    return sighting;
  }

  /** The one seen last comes first. */
  list(nowMs: number): SightingView[] {
    return [...this.#clients.entries()]
      .map(([, sighting]) => ({
        ...sighting.login,
        connected: sighting.connections > 0,
        lastSeenMs: sighting.lastSeenMs,
        messages: sighting.messages,
        perSecond: Math.round(sighting.perSecond(nowMs) * 10) / 10,
        lastRefusal: sighting.lastRefusal,
      }))
      .sort((a, b) => b.lastSeenMs - a.lastSeenMs);
  }
}

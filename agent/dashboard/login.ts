/**
 * Who may look: whoever has brought the token once, as a cookie that says until when and is sealed under the token. There
 * is nothing to keep on the server: a restart with the same token ends nobody's session, a new token ends all.
 */
import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { sha256 } from "../../core/scheme/bytes.ts";

const SESSION_MS = 12 * 3_600_000;
const MAC_BYTES = 32;
export const COOKIE = "veilmq";
/** Wrong tokens, of one address and of all together: a burst, and then so many a second. */
const PER_ADDRESS = { burst: 5, perSecond: 0.1 } as const;
const OF_ALL = { burst: 100, perSecond: 5 } as const;
const MAX_ADDRESSES = 10_000;

export interface Session {
  /** The cookie's. */
  readonly value: string;
  readonly endMs: number;
}

export class Login {
  readonly #digest: Buffer;
  readonly #key: Buffer;
  readonly #addresses = new Map<string, Allowance>();
  readonly #all = new Allowance(OF_ALL);

  constructor(token: string) {
    this.#digest = sha256(Buffer.from(token, "utf8"));
    this.#key = Buffer.from(hkdfSync("sha256", token, "", "veilmq dashboard session", MAC_BYTES));
  }

  /** The value of a new cookie for the right token; `null` for a wrong one, `limit` after too many of them. */
  enter(token: string, address: string, nowMs: number): string | "limit" | null {
    const own = this.#allowanceOf(address);
    if (!own.has(nowMs) || !this.#all.has(nowMs)) return "limit";
    if (timingSafeEqual(sha256(Buffer.from(token, "utf8")), this.#digest))
      return this.#seal(nowMs + SESSION_MS);
    own.take();
    this.#all.take();
    return null;
  }

  /** The session that a request's `Cookie` header holds; `null` for none, or one that has ended. */
  sessionOf(header: string | undefined, nowMs: number): Session | null {
    for (const pair of (header ?? "").split(";")) {
      const [name, value = ""] = pair.trim().split("=");
      const endMs = name === COOKIE ? this.#verify(value) : null;
      if (endMs !== null && nowMs < endMs) return { value, endMs };
    }
    return null;
  }

  #seal(endMs: number): string {
    return `${endMs}.${this.#mac(String(endMs)).toString("base64url")}`;
  }

  /** When the session ends; `null` for one that is not ours. */
  #verify(value: string): number | null {
    const [end = "", mac = ""] = value.split(".");
    const given = Buffer.from(mac, "base64url");
    const isOurs = given.length === MAC_BYTES && timingSafeEqual(given, this.#mac(end));
    return isOurs ? Number(end) : null;
  }

  #mac(text: string): Buffer {
    return createHmac("sha256", this.#key).update(text).digest();
  }

  #allowanceOf(address: string): Allowance {
    const known = this.#addresses.get(address);
    if (known) return known;
    const [oldest] = this.#addresses.keys();
    if (this.#addresses.size >= MAX_ADDRESSES && oldest !== undefined)
      this.#addresses.delete(oldest);
    const fresh = new Allowance(PER_ADDRESS);
    this.#addresses.set(address, fresh);
    return fresh;
  }
}

/** A bucket of tokens that fills again. */
class Allowance {
  readonly #rate: { readonly burst: number; readonly perSecond: number };
  #left: number;
  #atMs = 0;

  constructor(rate: { readonly burst: number; readonly perSecond: number }) {
    this.#rate = rate;
    this.#left = rate.burst;
  }

  has(nowMs: number): boolean {
    const { burst, perSecond } = this.#rate;
    const gained = (Math.max(0, nowMs - this.#atMs) / 1000) * perSecond;
    this.#left = this.#atMs === 0 ? burst : Math.min(burst, this.#left + gained);
    this.#atMs = nowMs;
    return this.#left >= 1;
  }

  take(): void {
    this.#left -= 1;
  }
}

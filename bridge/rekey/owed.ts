/**
 * Who owes a new data key: a producer of a tag that a consumer lost, until it has announced a key after the loss. That it
 * was told so counts for nothing: it may not have heard.
 */
import { RecentMap } from "../../core/runtime/recent-map.ts";
import { formatLogin, type Login } from "../../core/wire/login.ts";
import type { Loss } from "./loss.ts";

const MAX_LOSSES = 200_000;
const MAX_RENEWED = 200_000;
/** A device makes a new key every 7 days by itself (PROTOCOL.md §3): an older loss asks for nothing. */
export const KEY_LIFE_MS = 7 * 24 * 3600 * 1000;

export class Owed {
  #count = 0;
  /** By consumer and tag: the serial of the last loss. */
  readonly #serials = new RecentMap<string, number>({ max: MAX_LOSSES, ttlMs: KEY_LIFE_MS });
  /** By tenant and tag: the number of the last loss, as they were heard of here. */
  readonly #lost = new RecentMap<string, number>({ max: MAX_LOSSES, ttlMs: KEY_LIFE_MS });
  /** By producer and tag: how many losses there were when it made its newest key. */
  readonly #renewed = new RecentMap<string, number>({ max: MAX_RENEWED, ttlMs: KEY_LIFE_MS });

  /** Of all losses heard of so far; goes with `renewed`. */
  get count(): number {
    return this.#count;
  }

  /** Whether this is news. */
  lost({ tenant, consumer, hexTag, serial }: Loss): boolean {
    const id = `${formatLogin({ tenant, client: consumer })}/${hexTag}`;
    if ((this.#serials.get(id) ?? -1) >= serial) return false;
    this.#serials.set(id, serial);
    this.#count += 1;
    this.#lost.set(`${tenant}/${hexTag}`, this.#count);
    return true;
  }

  owes(producer: Login, hexTag: string): boolean {
    const loss = this.#lost.get(`${producer.tenant}/${hexTag}`);
    if (loss === undefined) return false;
    return (this.#renewed.get(`${formatLogin(producer)}/${hexTag}`) ?? 0) < loss;
  }

  /** The producer has announced a new key, when there were `count` losses. */
  renewed(producer: Login, hexTag: string, count: number): void {
    if (this.owes(producer, hexTag)) this.#renewed.set(`${formatLogin(producer)}/${hexTag}`, count);
  }
}

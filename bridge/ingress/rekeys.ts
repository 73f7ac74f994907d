/**
 * Who still has to make a new data key. When a consumer loses a tag, the producers of the tag are told `rekey`; one
 * that is not connected at that moment is told when it registers the next time.
 */

import { RecentMap } from "../../core/runtime/recent-map.ts";
import { formatLogin, type Login } from "../../core/wire/login.ts";

const MAX_TAGS = 100_000;
const MAX_TOLD = 200_000;
/** A device makes a new key every 7 days by itself (PROTOCOL.md §3). */
const KEY_LIFE_MS = 7 * 24 * 3600 * 1000;

export class Rekeys {
  #losses = 0;
  /** By tenant and tag: the number of the last loss. */
  readonly #lost = new RecentMap<string, number>({ max: MAX_TAGS, ttlMs: KEY_LIFE_MS });
  /** By producer and tag: up to which loss it has been told. */
  readonly #told = new RecentMap<string, number>({ max: MAX_TOLD, ttlMs: KEY_LIFE_MS });

  /** A consumer could read this tag and no longer may. */
  lost(tenant: string, hexTag: string): void {
    this.#losses += 1;
    this.#lost.set(`${tenant}/${hexTag}`, this.#losses);
  }

  /** Whether this producer has to be told now; it then counts as told. */
  claim(producer: Login, hexTag: string): boolean {
    const loss = this.#lost.get(`${producer.tenant}/${hexTag}`);
    if (loss === undefined) return false;
    const id = `${formatLogin(producer)}/${hexTag}`;
    if ((this.#told.get(id) ?? 0) >= loss) return false;
    this.#told.set(id, loss);
    return true;
  }
}

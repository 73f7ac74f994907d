/**
 * The mailboxes that are followed: those of devices that are connected and, for a minute, of those that have left. Most are
 * back soon, and then ZooKeeper is asked nothing: a crowd that comes back would ask it two things each.
 */
import type { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";

const LINGER_MS = 60_000;
/** Of devices that have left, of a kilobyte each; who leaves beyond them is followed no more. */
const MAX_LINGERING = 10_000;

type OnNames = (names: readonly string[]) => void;

interface Following {
  readonly path: string;
  /** Whoever is connected: one, but for the moment in which a device takes its own place. */
  listeners: readonly OnNames[];
  /** `undefined` until ZooKeeper has answered. */
  names: readonly string[] | undefined;
  /** Ends it. Runs while nobody listens. */
  linger: NodeJS.Timeout | undefined;
  stop: () => void;
}

export class Followings {
  readonly #zookeeper: Pick<ZooKeeper, "watchChildren">;
  readonly #maxLingering: number;
  readonly #byPath = new Map<string, Following>();
  #lingering = 0;

  constructor(zookeeper: Pick<ZooKeeper, "watchChildren">, maxLingering = MAX_LINGERING) {
    this.#zookeeper = zookeeper;
    this.#maxLingering = maxLingering;
  }

  /** Tells the names of a node's children, none where it is missing: now, and after each change. Returns what ends it. */
  follow(path: string, onNames: OnNames): () => void {
    const following = this.#byPath.get(path) ?? this.#begin(path);
    this.#return(following);
    // Neither `push` nor a spread: both reserve room for 16 more.
    following.listeners = following.listeners.concat(onNames);
    if (following.names) onNames(following.names);
    return () => this.#leave(following, onNames);
  }

  #begin(path: string): Following {
    const following: Following = {
      path,
      listeners: [],
      names: undefined,
      linger: undefined,
      stop: () => undefined,
    };
    this.#byPath.set(path, following);
    following.stop = this.#zookeeper.watchChildren(path, (names) => {
      following.names = names ?? [];
      for (const listener of following.listeners) listener(following.names);
    });
    return following;
  }

  #return(following: Following): void {
    if (following.linger === undefined) return;
    clearTimeout(following.linger);
    following.linger = undefined;
    this.#lingering--;
  }

  #leave(following: Following, onNames: OnNames): void {
    if (!following.listeners.includes(onNames)) return;
    following.listeners = following.listeners.filter((listener) => listener !== onNames);
    if (following.listeners.length > 0) return;
    if (this.#lingering >= this.#maxLingering) {
      this.#end(following);
      return;
    }
    this.#lingering++;
    following.linger = setTimeout(() => {
      this.#lingering--;
      this.#end(following);
    }, LINGER_MS).unref();
  }

  #end({ path, stop }: Following): void {
    this.#byPath.delete(path);
    stop();
  }
}

/** A folder of nodes followed as a whole: which children there are, and what they hold. */
import type { ZNode } from "./connection.ts";
import { WatchGroup } from "./watch-group.ts";
import type { ZooKeeper } from "./zookeeper.ts";

export interface FolderWatchOptions {
  readonly zookeeper: ZooKeeper;
  readonly path: string;
  /** A child's present content, and its content after each change. */
  readonly onNode: (name: string, node: ZNode) => void;
  /** A child is no more. Never called because ZooKeeper is out of reach. */
  readonly onGone: (name: string) => void;
}

interface Child {
  readonly stop: () => void;
  present: boolean;
}

/**
 * Follows the children of `path` and their data (a missing folder is an empty one). What the handlers
 * were told stays good while ZooKeeper is out of reach; `ageMs()` says for how long. Holds no data itself.
 */
export class FolderWatch {
  readonly #options: FolderWatchOptions;
  readonly #group: WatchGroup;
  readonly #children = new Map<string, Child>();
  #stop: (() => void) | undefined;

  constructor(options: FolderWatchOptions) {
    this.#options = options;
    this.#group = new WatchGroup(options.zookeeper);
  }

  /** Begins to watch, and returns without waiting for the first load. */
  start(): void {
    const { zookeeper, path } = this.#options;
    this.#stop ??= zookeeper.watchChildren(path, (names) => this.#list(names ?? []), this.#group);
  }

  /** No handler is called after this. */
  stop(): void {
    this.#group.close();
    this.#stop?.();
    for (const child of this.#children.values()) child.stop();
    this.#children.clear();
  }

  /** The first full load is done: every child has been told. */
  get synced(): boolean {
    return this.#group.synced;
  }

  /** How long ago ZooKeeper confirmed everything told so far; Infinity before the first full load. */
  ageMs(): number {
    return this.#group.ageMs();
  }

  /** Resolves when `synced`. Rejects with UNAVAILABLE after `timeoutMs`, STOPPED after `stop()`. */
  async whenSynced(timeoutMs: number): Promise<void> {
    return this.#group.whenSynced(timeoutMs);
  }

  #list(names: readonly string[]): void {
    const present = new Set(names);
    for (const [name, child] of this.#children) {
      if (present.has(name)) continue;
      child.stop();
      this.#children.delete(name);
      if (child.present) this.#options.onGone(name);
    }
    for (const name of present) if (!this.#children.has(name)) this.#follow(name);
  }

  #follow(name: string): void {
    const { zookeeper, path, onNode, onGone } = this.#options;
    const child: Child = {
      present: false,
      stop: zookeeper.watchNode(
        path === "/" ? `/${name}` : `${path}/${name}`,
        (node) => {
          const was = child.present;
          child.present = node !== null;
          if (node) onNode(name, node);
          else if (was) onGone(name);
        },
        this.#group,
      ),
    };
    this.#children.set(name, child);
  }
}

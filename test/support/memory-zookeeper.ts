/** A tree of nodes in memory, for parts that need little of ZooKeeper: several bridges in one process may share it. */
import type { MailboxesOptions } from "../../bridge/mail/mailboxes.ts";
import { VeilError } from "../../core/errors.ts";

type Children = (names: string[] | null) => void;

export class MemoryZooKeeper {
  readonly nodes = new Map<string, Buffer>();
  /** Every call but watches fails as long as this says so. */
  isAway = false;
  readonly #watches = new Set<{ readonly path: string; readonly tell: Children }>();

  get part(): MailboxesOptions["zookeeper"] {
    return {
      get: async (path) => {
        this.#reach();
        const data = this.nodes.get(path);
        return data ? { data, version: 0 } : null;
      },
      children: async (path) => {
        this.#reach();
        return this.#names(path);
      },
      delete: async (path) => {
        this.#reach();
        this.nodes.delete(path);
        this.#changed(path);
      },
      watchChildren: (path, tell) => {
        const watch = { path, tell };
        this.#watches.add(watch);
        queueMicrotask(() => tell(this.#names(path)));
        return () => this.#watches.delete(watch);
      },
    };
  }

  /** How many nodes have their children watched. */
  get watched(): number {
    return this.#watches.size;
  }

  put(path: string, data: Buffer): void {
    this.nodes.set(path, data);
    this.#changed(path);
  }

  #names(path: string): string[] {
    return [...this.nodes.keys()]
      .filter((node) => node.startsWith(`${path}/`))
      .map((node) => node.slice(path.length + 1));
  }

  #changed(path: string): void {
    const parent = path.slice(0, path.lastIndexOf("/"));
    for (const watch of this.#watches)
      if (watch.path === parent) queueMicrotask(() => watch.tell(this.#names(parent)));
  }

  #reach(): void {
    if (this.isAway) throw new VeilError("UNAVAILABLE", "ZooKeeper is away");
  }
}

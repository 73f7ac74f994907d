/**
 * All watches of one ZooKeeper object. A watch that is stale is read again, at most `MAX_READS` at a time;
 * when the connection is lost all are stale, and wait for the next one.
 */
import { Backoff } from "../../runtime/backoff.ts";
import type { Logger } from "../../runtime/log.ts";
import type { Change, Connection } from "./connection.ts";
import type { Reader } from "./reading.ts";
import type { WatchGroup } from "./watch-group.ts";

const MAX_READS = 64;
const RETRY = { minMs: 500, maxMs: 30_000 } as const;

export interface WatchesOptions {
  readonly callTimeoutMs: number;
  readonly log: Logger;
}

export interface WatchOptions<T> {
  readonly path: string;
  /** What of the path is watched: its data and existence, or its list of children. */
  readonly kind: "node" | "children";
  readonly read: Reader<T>;
  /** Called with each new content, in order, and the path; `null` where there is no such node. */
  readonly onValue: (value: T | null, path: string) => void;
  readonly group?: WatchGroup;
}

/** One of many thousand: it has no closure of its own. */
interface Watch {
  readonly path: string;
  readonly kind: "node" | "children";
  readonly group: WatchGroup | undefined;
  state: "fresh" | "queued" | "reading" | "overtaken" | "failed" | "stopped";
  retry: { readonly backoff: Backoff; timer: NodeJS.Timeout | undefined } | undefined;
  /** Reads, leaves a watch, and delivers where the content is new. */
  refresh(connection: Connection, options: WatchesOptions): Promise<void>;
}

class PathWatch<T> implements Watch {
  readonly path: string;
  readonly kind: "node" | "children";
  readonly group: WatchGroup | undefined;
  state: Watch["state"] = "fresh";
  retry: Watch["retry"];
  readonly #read: Reader<T>;
  readonly #onValue: WatchOptions<T>["onValue"];
  #seen: string | undefined;

  constructor({ path, kind, group, read, onValue }: WatchOptions<T>) {
    this.path = path;
    this.kind = kind;
    this.group = group;
    this.#read = read;
    this.#onValue = onValue;
  }

  async refresh(connection: Connection, { callTimeoutMs, log }: WatchesOptions): Promise<void> {
    const deadline = { atMs: performance.now() + callTimeoutMs };
    const reading = await this.#read(connection, this.path, this.#seen, deadline);
    if (!reading || this.#isStopped()) return;
    this.#seen = reading.identity;
    try {
      this.#onValue(reading.value, this.path);
    } catch (error) {
      // Not the error itself: its message may quote what was read, as those of JSON.parse do.
      const type = error instanceof Error ? error.name : typeof error;
      log.error({ type }, "a handler of a ZooKeeper watch failed");
    }
  }

  #isStopped(): boolean {
    return this.state === "stopped";
  }
}

export class Watches {
  readonly #options: WatchesOptions;
  /** Lists and no sets: nearly all have one watch, and a set reserves room for four. */
  readonly #byPath = new Map<string, Watch[]>();
  readonly #queue = new Set<Watch>();
  #reading = 0;
  #connection: Connection | undefined;

  constructor(options: WatchesOptions) {
    this.#options = options;
  }

  /** Begins a watch; returns what ends it. */
  add<T>(options: WatchOptions<T>): () => void {
    const watch = new PathWatch(options);
    const beside = this.#byPath.get(watch.path);
    // Neither `push` nor a spread: both reserve room for 16 more.
    this.#byPath.set(watch.path, beside ? beside.concat(watch) : [watch]);
    this.#markStale(watch);
    this.#pump();
    return () => this.#remove(watch);
  }

  /** Ends the watches of a group on a path. */
  end(path: string, group: WatchGroup): void {
    for (const watch of this.#byPath.get(path) ?? [])
      if (watch.group === group) this.#remove(watch);
  }

  connected(connection: Connection): void {
    this.#connection = connection;
    this.#pump();
  }

  disconnected(): void {
    this.#connection = undefined;
    for (const watches of this.#byPath.values())
      for (const watch of watches) this.#markStale(watch);
  }

  changed(change: Change): void {
    for (const watch of this.#byPath.get(change.path) ?? [])
      if (change[watch.kind]) this.#markStale(watch);
    this.#pump();
  }

  /** Ends all watches; who waits for a first reading is told that none will come. */
  stop(): void {
    this.#connection = undefined;
    for (const watches of [...this.#byPath.values()])
      for (const watch of watches) {
        watch.group?.close();
        this.#remove(watch);
      }
  }

  #remove(watch: Watch): void {
    if (watch.state === "stopped") return;
    watch.state = "stopped";
    clearTimeout(watch.retry?.timer);
    this.#queue.delete(watch);
    const beside = this.#byPath.get(watch.path)?.filter((other) => other !== watch) ?? [];
    if (beside.length > 0) this.#byPath.set(watch.path, beside);
    else this.#byPath.delete(watch.path);
    watch.group?.settle(watch);
  }

  #markStale(watch: Watch): void {
    watch.group?.markStale(watch);
    if (watch.state === "reading") watch.state = "overtaken";
    if (watch.state === "fresh" || watch.state === "failed") this.#enqueue(watch);
  }

  #enqueue(watch: Watch): void {
    clearTimeout(watch.retry?.timer);
    watch.state = "queued";
    this.#queue.add(watch);
  }

  #pump(): void {
    const connection = this.#connection;
    if (!connection) return;
    for (const watch of this.#queue) {
      if (this.#reading >= MAX_READS) return;
      this.#queue.delete(watch);
      watch.state = "reading";
      this.#reading++;
      void this.#refresh(watch, connection);
    }
  }

  /** Never rejects. */
  async #refresh(watch: Watch, connection: Connection): Promise<void> {
    let failure: unknown;
    try {
      await watch.refresh(connection, this.#options);
    } catch (error) {
      failure = error;
    }
    this.#reading--;
    this.#settle(watch, connection, failure);
    this.#pump();
  }

  #settle(watch: Watch, connection: Connection, failure: unknown): void {
    if (watch.state === "stopped") return;
    if (connection.closed.aborted) {
      this.#enqueue(watch);
    } else if (failure !== undefined) {
      this.#retryLater(watch, failure);
    } else if (watch.state === "overtaken") {
      watch.group?.markStaleAgain(watch);
      this.#enqueue(watch);
    } else {
      watch.state = "fresh";
      watch.retry = undefined;
      watch.group?.settle(watch);
    }
  }

  #retryLater(watch: Watch, failure: unknown): void {
    if (!watch.retry) {
      this.#options.log.warn({ err: failure }, "a watched ZooKeeper node cannot be read");
      watch.retry = { backoff: new Backoff(RETRY), timer: undefined };
    }
    watch.state = "failed";
    watch.retry.timer = setTimeout(() => {
      this.#enqueue(watch);
      this.#pump();
    }, watch.retry.backoff.nextMs());
  }
}

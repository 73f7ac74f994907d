/**
 * The port to ZooKeeper, and the only place that knows node-zookeeper-client.
 *
 * The library never notices a silent server, carries half a frame from one connection into the next, forgets
 * calls at expiry and is dead after it. Here each connection is a client object of its own
 * with a session of its own, and all watches are read again after each; so an expired session is nothing
 * special. The price: no ephemeral nodes.
 *
 * Reads do not go back in time, as with the official clients: a server behind what was seen is refused, within
 * one session timeout of the last contact.
 */
import { Backoff, pause } from "../../runtime/backoff.ts";
import { aborted } from "../../runtime/lifecycle.ts";
import type { Logger } from "../../runtime/log.ts";
import { Calls, orNull } from "./calls.ts";
import { type Connection, openConnection, type ZNode, type ZooKeeperAuth } from "./connection.ts";
import { createNode, putNode } from "./nodes.ts";
import { readChildren, readData } from "./reading.ts";
import { parseServers, type Server } from "./servers.ts";
import type { WatchGroup } from "./watch-group.ts";
import { Watches } from "./watches.ts";

const RECONNECT = { minMs: 50, maxMs: 3_000 } as const;
const CLOSE_TIMEOUT_MS = 1_000;

export interface ZooKeeperOptions {
  /** `host:port` each; IPv6 literals are refused. One is chosen at random for each connection. */
  readonly servers: readonly string[];
  /** A server that is silent for two thirds of this is given up. 4,000 to 40,000 with a server's defaults. */
  readonly sessionTimeoutMs: number;
  /** The deadline of every call, the wait for a connection included. */
  readonly callTimeoutMs: number;
  /** Presented on every connection; nodes made under it are for this identity alone. */
  readonly auth?: ZooKeeperAuth;
  readonly log: Logger;
}

/**
 * Calls reject with a VeilError: UNAVAILABLE (no connection, or lost before the answer: a write may or may not
 * have happened), TIMEOUT (no answer by the deadline: likewise), AUTH, LIMIT, STOPPED, BAD_ARGUMENT for a
 * malformed path, and what each says for itself. Calls whose repetition does no harm are repeated on the next
 * connection until their deadline.
 */
export class ZooKeeper {
  readonly name = "zookeeper";
  readonly #options: ZooKeeperOptions;
  readonly #watches: Watches;
  readonly #calls: Calls;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #connection: Connection | undefined;
  #lastContactAtMs = -Infinity;
  #lastZxid: Buffer | undefined;
  /** No server could be reached, and that has been logged. */
  #away = false;

  constructor(options: ZooKeeperOptions) {
    this.#options = options;
    this.#watches = new Watches(options);
    this.#calls = new Calls({
      timeoutMs: options.callTimeoutMs,
      connection: () => this.#live(),
    });
  }

  /** Begins to connect, and returns without waiting for it. Throws CONFIG for servers it cannot use. */
  async start(): Promise<void> {
    const servers = parseServers(this.#options.servers);
    this.#running ??= this.#run(servers);
  }

  /** Ends all watches and calls (STOPPED), closes the session. For good: a new object is needed to go on. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#watches.stop();
    this.#calls.stop();
    await this.#connection?.close(CLOSE_TIMEOUT_MS);
    await this.#running;
  }

  get state(): "connected" | "disconnected" {
    return this.#live() ? "connected" : "disconnected";
  }

  /** When ZooKeeper last answered, on the clock of `performance.now()`; -Infinity before the first answer. */
  get lastContactAtMs(): number {
    return this.#lastContactAtMs;
  }

  /** How long ago ZooKeeper last answered; Infinity before the first answer. */
  contactAgeMs(): number {
    return performance.now() - this.#lastContactAtMs;
  }

  /** `null`: no such node. */
  async get(path: string): Promise<ZNode | null> {
    return this.#calls.repeat(
      orNull(async (connection, deadline) => {
        const { data, stat } = await connection.get(path, deadline);
        return { data, version: stat.version };
      }),
    );
  }

  async exists(path: string): Promise<boolean> {
    return this.#calls.repeat(
      async (connection, deadline) => (await connection.stat(path, deadline)) !== null,
    );
  }

  /** Whether anybody who reaches ZooKeeper may change the node; `null`: no such node. */
  async isOpenToAll(path: string): Promise<boolean | null> {
    return this.#calls.repeat(
      orNull((connection, deadline) => connection.isOpenToAll(path, deadline)),
    );
  }

  /** The names of the children, in no order; `null`: no such node. */
  async children(path: string): Promise<string[] | null> {
    return this.#calls.repeat(
      orNull(async (connection, deadline) => (await connection.children(path, deadline)).names),
    );
  }

  /** Creates a persistent node, and its parents where they are missing. Throws CONFLICT where it exists, TOO_LARGE above 1 MiB. */
  async create(path: string, data: Uint8Array): Promise<void> {
    return this.#calls.once((connection, deadline) => createNode(connection, path, data, deadline));
  }

  /**
   * Sets an existing node, if `version` is given only from that version; returns the new version.
   * Throws NOT_FOUND, CONFLICT where the node is at another version, TOO_LARGE above 1 MiB.
   */
  async set(path: string, data: Uint8Array, version?: number): Promise<number> {
    return this.#calls.once((connection, deadline) =>
      connection.set(path, data, deadline, version),
    );
  }

  /** Sets a node, or creates it with its parents: the last writer wins. Throws TOO_LARGE above 1 MiB. */
  async put(path: string, data: Uint8Array): Promise<void> {
    return this.#calls.repeat((connection, deadline) => putNode(connection, path, data, deadline));
  }

  /** Deletes a node; that it is missing is no error. Throws BAD_ARGUMENT where it has children. */
  async delete(path: string): Promise<void> {
    await this.#calls.repeat(orNull((connection, deadline) => connection.delete(path, deadline)));
  }

  /**
   * Follows a node: calls `handler` with its present content and after each change, `null` where there is no such
   * node. Contents that come and go faster than they can be read are skipped, the last one never. While
   * disconnected nothing is called; after it, only where the content has changed. Returns what ends it. The path is for a
   * handler that follows many.
   */
  watchNode(
    path: string,
    handler: (node: ZNode | null, path: string) => void,
    group?: WatchGroup,
  ): () => void {
    return this.#watches.add({
      path,
      kind: "node",
      read: readData,
      onValue: handler,
      ...(group && { group }),
    });
  }

  /** As `watchNode` for the names of the children of `path`, in no order. */
  watchChildren(
    path: string,
    handler: (names: string[] | null) => void,
    group?: WatchGroup,
  ): () => void {
    return this.#watches.add({
      path,
      kind: "children",
      read: readChildren,
      onValue: handler,
      ...(group && { group }),
    });
  }

  /** Ends the watches of a group on a path: who has many thousand need not keep what ends each. */
  unwatch(path: string, group: WatchGroup): void {
    this.#watches.end(path, group);
  }

  async #run(servers: readonly Server[]): Promise<void> {
    const { signal } = this.#stopping;
    const backoff = new Backoff(RECONNECT);
    for (let turn = Math.floor(Math.random() * servers.length); !signal.aborted; turn++) {
      const server = servers[turn % servers.length];
      const connection = server && (await this.#open(server, signal));
      if (connection && signal.aborted) await connection.close(CLOSE_TIMEOUT_MS);
      else if (connection && (await this.#serve(connection))) backoff.reset();
      await backoff.wait(signal);
    }
  }

  async #open(server: Server, signal: AbortSignal): Promise<Connection | undefined> {
    const { sessionTimeoutMs, auth, log } = this.#options;
    const lastZxid = this.contactAgeMs() < sessionTimeoutMs ? this.#lastZxid : undefined;
    const onContact = (): void => {
      this.#lastContactAtMs = performance.now();
    };
    try {
      const connection = await openConnection(
        {
          server,
          sessionTimeoutMs,
          openTimeoutMs: sessionTimeoutMs / 3,
          ...(auth && { auth }),
          ...(lastZxid && { lastZxid }),
          onContact,
          onChange: (change) => this.#watches.changed(change),
        },
        signal,
      );
      onContact();
      return connection;
    } catch (error) {
      if (!this.#away && !signal.aborted)
        log.warn({ err: error, server: server.host }, "cannot connect to ZooKeeper");
      this.#away = true;
      return undefined;
    }
  }

  /** Serves `connection` until it closes. Returns whether the server answered the watchdog at all. */
  async #serve(connection: Connection): Promise<boolean> {
    const { log } = this.#options;
    this.#away = false;
    this.#connection = connection;
    connection.closed.addEventListener("abort", () => this.#lost(connection), { once: true });
    log.info("connected to ZooKeeper");
    this.#watches.connected(connection);
    this.#calls.connected(connection);
    const answered = await this.#guard(connection);
    if (connection.refused) log.error("ZooKeeper refused the credential");
    else if (!this.#stopping.signal.aborted) log.warn("lost the connection to ZooKeeper");
    return answered;
  }

  /**
   * Every third of the session timeout the server has to answer within another third, or the connection is
   * cut: the library itself would wait for ever. Resolves when it has closed.
   */
  async #guard(connection: Connection): Promise<boolean> {
    const thirdMs = Math.min(this.#options.sessionTimeoutMs, connection.sessionTimeoutMs) / 3;
    let answered = false;
    while (await pause(thirdMs, connection.closed)) {
      try {
        await connection.stat("/", { atMs: performance.now() + thirdMs });
        answered = true;
      } catch {
        connection.destroy();
        await aborted(connection.closed);
      }
    }
    return answered;
  }

  #lost(connection: Connection): void {
    this.#connection = undefined;
    this.#lastZxid = connection.zxid;
    this.#watches.disconnected();
  }

  #live(): Connection | undefined {
    return this.#connection?.closed.aborted === false ? this.#connection : undefined;
  }
}

/**
 * One connection to one ZooKeeper server, with a session of its own: it opens once and closes once.
 * Every request has a deadline, and when the connection closes all that wait are told at once.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { ACL, Event, Id, Permission } from "node-zookeeper-client";
import { VeilError } from "../../errors.ts";
import { toVeilError } from "./failure.ts";
import {
  type Fired,
  MANAGER_DISCONNECTED,
  type SingleUseClient,
  singleUseClient,
} from "./library.ts";
import type { Server } from "./servers.ts";

/** The server's `jute.maxbuffer`, 1 MiB less one; it closes the connection of who sends a larger packet. */
const MAX_PACKET_BYTES = 1_048_575;
/** Room in a packet for everything but path and data: headers, lengths, access list. */
const PACKET_OVERHEAD_BYTES = 128;
const ANY_VERSION = -1;
const CHANGING = Permission.WRITE | Permission.CREATE | Permission.DELETE | Permission.ADMIN;

/** An identity to present to ZooKeeper, for its scheme `digest`: `user:password`. */
export interface ZooKeeperAuth {
  readonly scheme: string;
  readonly credential: string;
}

/** A node's data and the version of its data (0 when created, one more with every `set`). */
export interface ZNode {
  readonly data: Buffer;
  readonly version: number;
}

/** What tells one content of a node from another. */
export interface ZStat {
  readonly version: number;
  readonly czxid: Buffer;
  readonly mzxid: Buffer;
  readonly mtime: Buffer;
  readonly pzxid: Buffer;
}

/** What changed at `path`: the node itself, its list of children, or both (it was created or deleted). */
export interface Change {
  readonly path: string;
  readonly node: boolean;
  readonly children: boolean;
}

export interface ConnectionOptions {
  readonly server: Server;
  readonly sessionTimeoutMs: number;
  readonly openTimeoutMs: number;
  readonly auth?: ZooKeeperAuth;
  /** The last transaction id seen: a server that is behind it refuses the connection. */
  readonly lastZxid?: Buffer;
  /** An answer has come. */
  readonly onContact: () => void;
  /** A watch has fired; a fired watch is gone. */
  readonly onChange: (change: Change) => void;
}

/** When to give up, on the clock of `performance.now()`. */
export interface Deadline {
  readonly atMs: number;
}

type Callback<T> = (error: unknown, value: T) => void;

/**
 * Opens a connection. Rejects with UNAVAILABLE where that fails, also when `signal` aborts or nothing
 * comes back for `openTimeoutMs` (a frozen server's kernel still accepts).
 */
export async function openConnection(
  options: ConnectionOptions,
  signal: AbortSignal,
): Promise<Connection> {
  const connection = new Connection(options);
  await connection.open(signal);
  return connection;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #library: SingleUseClient;
  readonly #closed = new AbortController();
  readonly #pending = new Set<(error: VeilError) => void>();
  #refused = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { server, sessionTimeoutMs, onChange } = options;
    this.#library = singleUseClient(server, sessionTimeoutMs, (fired) => onChange(toChange(fired)));
  }

  /** Aborted when the connection has closed, for whatever reason. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Whether the server refused the `auth`; it closes the connection then. */
  get refused(): boolean {
    return this.#refused;
  }

  /** The session timeout that the server granted. */
  get sessionTimeoutMs(): number {
    return this.#library.client.getSessionTimeout();
  }

  /** The last transaction id seen, 8 bytes. */
  get zxid(): Buffer {
    return this.#library.manager.zxid;
  }

  async open(signal: AbortSignal): Promise<void> {
    const { client, manager, connect } = this.#library;
    const { auth, lastZxid, openTimeoutMs } = this.#options;
    if (lastZxid) manager.zxid = lastZxid;
    if (auth) client.addAuthInfo(auth.scheme, Buffer.from(auth.credential));
    manager.on("state", (state) => {
      if (state === MANAGER_DISCONNECTED) this.#onClosed();
    });
    client.once("authenticationFailed", () => {
      this.#refused = true;
    });
    const connected = new Promise<void>((resolve, reject) => {
      client.once("connected", resolve);
      this.closed.addEventListener("abort", () => reject(lost()), { once: true });
    });
    connect();
    const abandon = (): void => this.destroy();
    const timer = setTimeout(abandon, openTimeoutMs);
    signal.addEventListener("abort", abandon, { once: true });
    try {
      // The socket is made one tick after `connect`: before, there is nothing to destroy.
      await Promise.all([connected, nextTurn().then(() => signal.aborted && this.destroy())]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abandon);
    }
  }

  /** The node's stat, or `null`. With `watch`, the next change is told: also the creation of a missing node. */
  async stat(path: string, deadline: Deadline, watch = false): Promise<ZStat | null> {
    const { client } = this.#library;
    return this.#ask<ZStat | null>(deadline, (done) =>
      watch ? client.exists(path, watched, done) : client.exists(path, done),
    );
  }

  /** Throws NOT_FOUND where there is no such node. */
  async get(path: string, deadline: Deadline): Promise<{ data: Buffer; stat: ZStat }> {
    return this.#ask(deadline, (done) =>
      this.#library.client.getData(path, (error, data, stat) =>
        // A node made with null data has none at all.
        done(error, { data: data ?? Buffer.alloc(0), stat }),
      ),
    );
  }

  /** Whether anybody may change the node, or its children. Throws NOT_FOUND where there is no such node. */
  async isOpenToAll(path: string, deadline: Deadline): Promise<boolean> {
    const acls = await this.#ask<ACL[]>(deadline, (done) =>
      this.#library.client.getACL(path, done),
    );
    return acls.some(({ id, perms }) => id.scheme === "world" && (perms & CHANGING) !== 0);
  }

  /** Throws NOT_FOUND where there is no such node; then no watch is left. */
  async children(
    path: string,
    deadline: Deadline,
    watch = false,
  ): Promise<{ names: string[]; stat: ZStat }> {
    const { client } = this.#library;
    return this.#ask(deadline, (done) => {
      const answered = (error: unknown, names: string[], stat: ZStat): void =>
        done(error, { names, stat });
      if (watch) client.getChildren(path, watched, answered);
      else client.getChildren(path, answered);
    });
  }

  /**
   * Creates a persistent node (the library makes container nodes plain ones: no other kind is offered).
   * Under an `auth` it is for that identity alone. Throws CONFLICT where it exists, NOT_FOUND without parent.
   */
  async create(path: string, data: Uint8Array, deadline: Deadline): Promise<void> {
    const bytes = packetData(path, data);
    const { client } = this.#library;
    await this.#ask<string>(deadline, (done) => {
      if (this.#options.auth === undefined) client.create(path, bytes, done);
      else client.create(path, bytes, [new ACL(Permission.ALL, new Id("auth", ""))], done);
    });
  }

  /** Returns the new version. Throws NOT_FOUND, or CONFLICT where the node is not at `version`. */
  async set(
    path: string,
    data: Uint8Array,
    deadline: Deadline,
    version = ANY_VERSION,
  ): Promise<number> {
    const bytes = packetData(path, data);
    const stat = await this.#ask<ZStat>(deadline, (done) =>
      this.#library.client.setData(path, bytes, version, done),
    );
    return stat.version;
  }

  /** Throws NOT_FOUND, CONFLICT where the node is not at `version`, BAD_ARGUMENT where it has children. */
  async delete(path: string, deadline: Deadline, version = ANY_VERSION): Promise<void> {
    await this.#ask<undefined>(deadline, (done) =>
      this.#library.client.remove(path, version, (error) => done(error, undefined)),
    );
  }

  /** Ends the session and closes; after `timeoutMs` without an answer the connection is cut. */
  async close(timeoutMs: number): Promise<void> {
    if (this.closed.aborted) return;
    const timer = setTimeout(() => this.destroy(), timeoutMs);
    const closed = new Promise<void>((resolve) =>
      this.closed.addEventListener("abort", () => resolve(), { once: true }),
    );
    this.#library.client.close();
    await closed;
    clearTimeout(timer);
  }

  /** Cuts the connection; the session on the server runs out by itself. */
  destroy(): void {
    this.#library.manager.socket?.destroy();
  }

  #onClosed(): void {
    clearTimeout(this.#library.manager.connectTimeoutHandler ?? undefined);
    this.#closed.abort();
    for (const fail of [...this.#pending]) fail(lost());
  }

  async #ask<T>(deadline: Deadline, send: (done: Callback<T>) => void): Promise<T> {
    if (this.closed.aborted) throw lost();
    return new Promise<T>((resolve, reject) => {
      const fail = (error: VeilError): void => {
        clearTimeout(timer);
        this.#pending.delete(fail);
        reject(error);
      };
      const timer = setTimeout(
        () => fail(new VeilError("TIMEOUT", "ZooKeeper did not answer in time")),
        Math.max(0, deadline.atMs - performance.now()),
      );
      this.#pending.add(fail);
      const done: Callback<T> = (cause, value) => {
        const error = cause ? toVeilError(cause) : undefined;
        if (error?.code !== "UNAVAILABLE") this.#options.onContact();
        if (error) return fail(error);
        clearTimeout(timer);
        this.#pending.delete(fail);
        resolve(value);
      };
      try {
        send(done);
      } catch (cause) {
        // The library checks paths by assertion.
        fail(new VeilError("BAD_ARGUMENT", "not a path of a ZooKeeper node", { cause }));
      }
    });
  }
}

function lost(): VeilError {
  return new VeilError("UNAVAILABLE", "the connection to ZooKeeper was lost");
}

function packetData(path: string, data: Uint8Array): Buffer {
  if (Buffer.byteLength(path) + data.length > MAX_PACKET_BYTES - PACKET_OVERHEAD_BYTES)
    throw new VeilError("TOO_LARGE", `a ZooKeeper node of ${data.length} bytes is too large`);
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

function toChange({ path, type }: Fired): Change {
  return {
    path,
    node: type !== Event.NODE_CHILDREN_CHANGED,
    children: type !== Event.NODE_DATA_CHANGED,
  };
}

/** Tells the library that a watch is wanted; what fires comes by `onChange`. */
function watched(): void {}

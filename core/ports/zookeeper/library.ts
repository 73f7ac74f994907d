/**
 * What node-zookeeper-client 1.1.3 keeps to itself and this port has to reach, in one place and checked
 * when a client is made: a release that looks different inside is refused instead of misused.
 */
import type { Socket } from "node:net";
import { type Client, createClient, Event } from "node-zookeeper-client";
import { VeilError } from "../../errors.ts";
import type { Server } from "./servers.ts";

/** A watch has fired. */
export interface Fired {
  /** As `Event` of the library numbers them. */
  readonly type: number;
  readonly path: string;
}

/** The library's list of watches. */
interface WatcherManager {
  registerDataWatcher(path: string): void;
  registerExistenceWatcher(path: string): void;
  registerChildWatcher(path: string): void;
  isEmpty(): boolean;
  /** What it throws, `onSocketData` throws. */
  emit(fired: Fired): void;
}

/** The part of the library's connection manager that this port uses. */
export interface Manager {
  /** Set one tick after `connect()`. */
  readonly socket?: Socket;
  readonly connectTimeoutHandler?: NodeJS.Timeout | null;
  /** The last transaction id seen, 8 bytes; sent when connecting. */
  zxid: Buffer;
  watcherManager: WatcherManager;
  connect(): void;
  onSocketData(chunk: Buffer): void;
  on(event: "state", listener: (state: number) => void): unknown;
}

/** The manager's state once a socket has closed, whatever it was before. */
export const MANAGER_DISCONNECTED = 0;

export interface SingleUseClient {
  readonly client: Client;
  readonly manager: Manager;
  /** Connects, once. */
  connect(): void;
}

/**
 * A client for one connection to one server. The library would reconnect by itself, and its second
 * connection starts with the rest of a cut frame, with requests whose callers have given up, and with a
 * list of watches that may exceed the server's largest packet (so that it is cut off again, for ever).
 * Hence: no second connection.
 */
export function singleUseClient(
  server: Server,
  sessionTimeoutMs: number,
  onFired: (fired: Fired) => void,
): SingleUseClient {
  const client = createClient(`${server.host}:${server.port}`, {
    sessionTimeout: sessionTimeoutMs,
    retries: 0,
  });
  const manager = managerOf(client);
  const connect = manager.connect.bind(manager);
  manager.connect = () => undefined;
  manager.watcherManager = unlisted(onFired);
  dropOnUnreadable(manager);
  return { client, manager, connect };
}

const KNOWN_EVENTS: ReadonlySet<number> = new Set([
  Event.NODE_CREATED,
  Event.NODE_DELETED,
  Event.NODE_DATA_CHANGED,
  Event.NODE_CHILDREN_CHANGED,
]);

/**
 * The library's own list is for a second connection, and has an EventEmitter for each watch: 0.7 kB, and a bridge has
 * three watches for each client that is enrolled. Which of them there are the server knows.
 */
function unlisted(onFired: (fired: Fired) => void): WatcherManager {
  return {
    registerDataWatcher: () => undefined,
    registerExistenceWatcher: () => undefined,
    registerChildWatcher: () => undefined,
    isEmpty: () => true,
    emit: (fired) => {
      if (!KNOWN_EVENTS.has(fired.type)) throw new VeilError("INTERNAL", "an unknown event");
      onFired(fired);
    },
  };
}

/**
 * An error code or event type that the library does not know makes it throw out of the socket's `data`
 * event, which ends the process (QuotaExceeded, SessionMoved, Throttled are such codes).
 */
function dropOnUnreadable(manager: Manager): void {
  const read = manager.onSocketData.bind(manager);
  manager.onSocketData = (chunk) => {
    try {
      read(chunk);
    } catch {
      manager.socket?.destroy();
    }
  };
}

function managerOf(client: Client): Manager {
  if ("connectionManager" in client && isManager(client.connectionManager))
    return client.connectionManager;
  throw new VeilError("INTERNAL", "node-zookeeper-client is not the release this port is made for");
}

function isManager(value: unknown): value is Manager {
  return (
    typeof value === "object" &&
    value !== null &&
    "zxid" in value &&
    Buffer.isBuffer(value.zxid) &&
    "watcherManager" in value &&
    typeof value.watcherManager === "object" &&
    "connect" in value &&
    typeof value.connect === "function" &&
    "onSocketData" in value &&
    typeof value.onSocketData === "function" &&
    "on" in value &&
    typeof value.on === "function"
  );
}

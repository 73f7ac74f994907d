/**
 * What node-zookeeper-client 1.1.3 keeps to itself and this port has to reach, in one place and checked
 * when a client is made: a release that looks different inside is refused instead of misused.
 */
import type { Socket } from "node:net";
import { type Client, createClient } from "node-zookeeper-client";
import { VeilError } from "../../errors.ts";
import type { Server } from "./servers.ts";

/** The part of the library's connection manager that this port uses. */
export interface Manager {
  /** Set one tick after `connect()`. */
  readonly socket?: Socket;
  readonly connectTimeoutHandler?: NodeJS.Timeout | null;
  /** The last transaction id seen, 8 bytes; sent when connecting. */
  zxid: Buffer;
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
export function singleUseClient(server: Server, sessionTimeoutMs: number): SingleUseClient {
  const client = createClient(`${server.host}:${server.port}`, {
    sessionTimeout: sessionTimeoutMs,
    retries: 0,
  });
  const manager = managerOf(client);
  const connect = manager.connect.bind(manager);
  manager.connect = () => undefined;
  dropOnUnreadable(manager);
  return { client, manager, connect };
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
    "connect" in value &&
    typeof value.connect === "function" &&
    "onSocketData" in value &&
    typeof value.onSocketData === "function" &&
    "on" in value &&
    typeof value.on === "function"
  );
}

/**
 * Connections that a listener does not want. They are closed a few seconds later and not read until then: whoever is turned
 * away at once is back at once, and to accept a connection costs more than to keep one. Not all after the same time:
 * those who came together would end together, and come back together.
 */
import type { Server, Socket } from "node:net";
import { Server as TlsServer } from "node:tls";
import { onFirstWords } from "./first-words.ts";

/** How long one waits for its end, at random; as much longer as there are many: a crowd comes back less often. */
const MIN_HELD_MS = 1_000;
const MAX_HELD_MS = 5_000;
const CROWD = 500;
/** At a time, of a few kilobytes each; who comes beyond them ends at once. */
const MAX_HELD = 5_000;

export interface GuardOptions {
  readonly welcome: (socket: Socket) => number | null;
  readonly firstWordsMs: number;
}

export class TurnedAway {
  readonly #held = new Set<Socket>();

  /**
   * Stands before whoever listens for connections of `server` so far. `welcome` says in how many milliseconds one comes
   * through, unread until then and before TLS; `null` turns it away. TLS begins with the client's first words, which it may
   * take `firstWordsMs` for.
   */
  guard(server: Server, { welcome, firstWordsMs }: GuardOptions): void {
    // Otherwise Node reads 64 KiB of each, whether anybody listens or not: of all who are held that is memory. An option of
    // `createServer`; but it is fastify that makes servers of HTTP, and Node looks here at each connection.
    Object.assign(server, { pauseOnConnect: true });
    const accepting = server.listeners("connection");
    server.removeAllListeners("connection");
    const accept = (socket: Socket): void => {
      for (const listener of accepting) listener.call(server, socket);
    };
    const begin = (socket: Socket): void => {
      if (server instanceof TlsServer) {
        onFirstWords(socket, { server, withinMs: firstWordsMs, begin: accept });
        return;
      }
      accept(socket);
      socket.resume();
    };
    server.on("connection", (socket: Socket) => {
      const inMs = welcome(socket);
      if (inMs === null) this.#hold(socket);
      else if (inMs < 1) begin(socket);
      else beginLater(socket, inMs, begin);
    });
    server.on("secureConnection", (socket: Socket) => socket.resume());
  }

  #hold(socket: Socket): void {
    if (this.#held.size >= MAX_HELD) {
      socket.destroy();
      return;
    }
    const heldMs = MIN_HELD_MS + Math.random() * (MAX_HELD_MS - MIN_HELD_MS);
    const end = setTimeout(() => socket.destroy(), heldMs * (1 + this.#held.size / CROWD));
    this.#held.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => {
      clearTimeout(end);
      this.#held.delete(socket);
    });
  }

  destroyAll(): void {
    for (const socket of this.#held) socket.destroy();
  }
}

function beginLater(socket: Socket, inMs: number, begin: (socket: Socket) => void): void {
  const beginning = setTimeout(() => {
    socket.off("close", cancel);
    begin(socket);
  }, inMs);
  const cancel = (): void => clearTimeout(beginning);
  socket.on("close", cancel);
}

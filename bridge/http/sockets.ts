/**
 * The sockets of an HTTP listener from their first moment: those of an address that has too many are turned away before
 * TLS; none outlives the listener (Node's own `closeAllConnections` does not know those within a TLS handshake); and each
 * has one request at a time: a chunk of them would be worked on at once.
 */
import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import type { Server, Socket } from "node:net";
import { TurnedAway } from "../../core/runtime/turned-away.ts";

/** How a connection of `address` ends, `null` where it must not begin. */
export type Arrive = (address: string) => (() => void) | null;

export class Sockets {
  /** Those with a request that is not answered. */
  readonly #busy = new WeakSet<Socket>();
  readonly #open = new Set<Socket>();
  readonly #turnedAway = new TurnedAway();

  /** Stands before whoever listens for connections of `server` so far. */
  guard(server: Server, arrive: Arrive): void {
    const accepting = server.listeners("connection");
    server.removeAllListeners("connection");
    server.on("connection", (socket: Socket) => {
      const leave = arrive(socket.remoteAddress ?? "");
      if (!leave) {
        this.#turnedAway.add(socket);
        return;
      }
      this.#open.add(socket);
      socket.once("close", () => {
        this.#open.delete(socket);
        leave();
      });
      for (const accept of accepting) accept.call(server, socket);
    });
  }

  /** Ends whoever asks again before the answer, which no client of ours does. */
  forbidPipelining(server: Pick<HttpServer, "listeners" | "removeAllListeners" | "on">): void {
    const answering = server.listeners("request");
    server.removeAllListeners("request");
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const { socket } = request;
      if (this.#busy.has(socket)) {
        socket.destroy();
        return;
      }
      this.#busy.add(socket);
      response.once("close", () => this.#busy.delete(socket));
      for (const answer of answering) answer.call(server, request, response);
    });
  }

  destroyAll(): void {
    for (const socket of this.#open) socket.destroy();
    this.#turnedAway.destroyAll();
  }
}

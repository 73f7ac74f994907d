/**
 * The sockets of an HTTP listener from their first moment: those of an address that has too many are turned away before
 * TLS; none outlives the listener (Node's own `closeAllConnections` does not know those within a TLS handshake); and each
 * has one request at a time: a chunk of them would be worked on at once.
 */
import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import type { Server, Socket } from "node:net";
import { Server as TlsServer } from "node:tls";
import { TurnedAway } from "../../core/runtime/turned-away.ts";
import type { HttpArrival } from "../limits/addresses.ts";

/** A few small requests. */
const SLICE_BYTES = 512;

/** A new connection of `address`; `null` where it must not begin. */
export type Arrive = (address: string) => HttpArrival | null;

export class Sockets {
  /** Those with a request that is not answered. */
  readonly #busy = new WeakSet<Socket>();
  readonly #open = new Set<Socket>();
  readonly #turnedAway = new TurnedAway();

  /** Stands before whoever listens for connections of `server` so far. Over TLS they may be silent for `firstWordsMs`. */
  guard(server: Server, arrive: Arrive, firstWordsMs: number): void {
    const welcome = (socket: Socket): number | null => {
      const arrival = arrive(socket.remoteAddress ?? "");
      if (!arrival) return null;
      this.#open.add(socket);
      socket.once("close", () => {
        this.#open.delete(socket);
        arrival.leave();
      });
      return arrival.inMs;
    };
    this.#turnedAway.guard(server, { welcome, firstWordsMs });
  }

  /**
   * Ends whoever asks again before the answer, which no client of ours does, and tells `onForbidden` of its address. To be
   * called before `guard`.
   */
  forbidPipelining(server: HttpServer, onForbidden: (address: string) => void): void {
    server.on(server instanceof TlsServer ? "secureConnection" : "connection", readInSlices);
    const answering = server.listeners("request");
    server.removeAllListeners("request");
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const { socket } = request;
      if (this.#busy.has(socket)) {
        onForbidden(socket.remoteAddress ?? "");
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

/**
 * Node parses all that has come before it looks at whether the socket is still there, and a thousand requests in one chunk
 * hold up everybody for a tenth of a second. So it gets a chunk in slices, as long as the socket is.
 */
function readInSlices(socket: Socket): void {
  const parsing = socket.listeners("data");
  socket.removeAllListeners("data");
  socket.on("data", (chunk: Buffer) => {
    for (let at = 0; at < chunk.length && !socket.destroyed; at += SLICE_BYTES) {
      const slice = chunk.subarray(at, at + SLICE_BYTES);
      for (const parse of parsing) parse.call(socket, slice);
    }
  });
}

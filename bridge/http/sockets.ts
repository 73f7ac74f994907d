/**
 * The sockets of an HTTP listener from their first moment: those of an address that has too many are closed before TLS,
 * and none outlives the listener. Node's own `closeAllConnections` knows neither those within a TLS handshake nor,
 * while it waits, when it is enough.
 */
import type { Server, Socket } from "node:net";

/** How a connection of `address` ends, `null` where it must not begin. */
export type Arrive = (address: string) => (() => void) | null;

export class Sockets {
  readonly #open = new Set<Socket>();

  /** Stands before whoever listens for connections of `server` so far. */
  guard(server: Server, arrive: Arrive): void {
    const accepting = server.listeners("connection");
    server.removeAllListeners("connection");
    server.on("connection", (socket: Socket) => {
      const leave = arrive(socket.remoteAddress ?? "");
      if (!leave) {
        socket.destroy();
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

  destroyAll(): void {
    for (const socket of this.#open) socket.destroy();
  }
}

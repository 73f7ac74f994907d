/**
 * The sockets of the MQTT server from their first moment, before TLS and before MQTT: some are turned away here, and
 * those who never log in end with the server. Node tells of a TLS connection only once its handshake is done, and of one whose handshake
 * does not come it leaves the socket open (docs/traps.md).
 */
import type { Server, Socket } from "node:net";
import { TurnedAway } from "../../runtime/turned-away.ts";
import type { MqttServerOptions } from "./server-types.ts";

/** A connection that has not logged in. */
interface Stranger {
  readonly socket: Socket;
  readonly settled?: (() => void) | undefined;
}

export class Arrivals {
  readonly #options: Pick<MqttServerOptions, "arrive" | "onRefused" | "log">;
  /** By the peer's address and port, which the socket inside TLS has, too. */
  readonly #strangers = new Map<string, Stranger>();
  readonly #turnedAway = new TurnedAway();
  /** One for all sockets, which says of itself which it is: they keep it as long as they are connected. */
  readonly #onClose: (this: Socket) => void;

  constructor(options: Pick<MqttServerOptions, "arrive" | "onRefused" | "log">) {
    this.#options = options;
    const ended = (socket: Socket): void => this.#ended(socket);
    this.#onClose = function () {
      ended(this);
    };
  }

  /** Stands before whoever listens for connections of `server` so far. Over TLS they may be silent for `firstWordsMs`. */
  guard(server: Server, firstWordsMs: number): void {
    this.#turnedAway.guard(server, { welcome: (socket) => this.#welcome(socket), firstWordsMs });
    server.on("tlsClientError", (error: Error, socket: Socket) => {
      const { onRefused, log } = this.#options;
      onRefused?.("handshake");
      log.debug({ err: error }, "no TLS handshake");
      // Whoever listens for this event must do it: also at the end of `handshakeTimeout`.
      socket.destroy();
    });
  }

  /** `socket` may be the one inside TLS. */
  loggedIn(socket: Socket): void {
    this.#forget(peerOf(socket));
  }

  /** Who has not logged in by now is owed no last words. */
  destroyStrangers(): void {
    for (const { socket } of this.#strangers.values()) socket.destroy();
    this.#turnedAway.destroyAll();
  }

  /** In how many milliseconds its connection begins; `null`: not at all. */
  #welcome(socket: Socket): number | null {
    const { arrive, onRefused } = this.#options;
    const { remoteAddress } = socket;
    const arrival = arrive?.(remoteAddress ?? "");
    if (arrival && "refused" in arrival) {
      onRefused?.(arrival.refused);
      return null;
    }
    const peer = peerOf(socket);
    // A port may be used again before Node has told of the first one's end.
    this.#forget(peer);
    this.#strangers.set(peer, { socket, settled: arrival?.settled });
    socket.on("close", this.#onClose);
    return arrival?.inMs ?? 0;
  }

  #ended(socket: Socket): void {
    const peer = peerOf(socket);
    if (this.#strangers.get(peer)?.socket === socket) this.#forget(peer);
  }

  #forget(peer: string): void {
    this.#strangers.get(peer)?.settled?.();
    this.#strangers.delete(peer);
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/** A TCP relay on loopback that leaves to its owner how the bytes go: to look at them, or to lose them. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { VeilError } from "../core/errors.ts";

/** One connection through the relay. */
export interface Link {
  /** To whoever connected. */
  readonly near: Socket;
  /** To where the relay leads. */
  readonly far: Socket;
  /** When one of its sockets closes, the relay closes the other. */
  isCoupled: boolean;
}

export interface RelayOptions {
  /** A loopback port. */
  readonly relayTo: number;
  /** Carries the bytes of a link from now on. */
  readonly carry: (link: Link) => void;
}

export class Relay {
  readonly #options: RelayOptions;
  readonly #server: Server;
  readonly #links = new Set<Link>();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#server = createServer((near) => this.#take(near));
  }

  /** The connections that are open now. */
  get links(): readonly Link[] {
    return [...this.#links];
  }

  /** Listens on a free loopback port, which it returns. */
  async start(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    const address = this.#server.address();
    if (address === null || typeof address === "string")
      throw new VeilError("UNAVAILABLE", "a relay has no port");
    return address.port;
  }

  async stop(): Promise<void> {
    for (const { near, far } of this.#links) {
      near.destroy();
      far.destroy();
    }
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #take(near: Socket): void {
    const { relayTo, carry } = this.#options;
    const far = connect({ host: "127.0.0.1", port: relayTo });
    const link: Link = { near, far, isCoupled: true };
    this.#links.add(link);
    for (const socket of [near, far]) {
      // `close` follows.
      socket.on("error", () => undefined);
      socket.on("close", () => {
        if (link.isCoupled) for (const either of [near, far]) either.destroy();
        if (near.destroyed && far.destroyed) this.#links.delete(link);
      });
    }
    carry(link);
  }
}

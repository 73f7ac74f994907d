/** A TCP relay between the agents and the bridge that keeps every byte that passes: what the network sees of MQTT. */
import { createWriteStream, type WriteStream } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { finished } from "node:stream/promises";
import { VeilError } from "../core/errors.ts";

const REMEMBERED_CHUNKS = 512;

export class WireTap {
  readonly #file: WriteStream;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #recent: Buffer[] = [];
  readonly #target: { host: string; port: number };

  /** Keeps the bytes in `file`; relays to the loopback port `relayTo`. */
  constructor({ file, relayTo }: { file: string; relayTo: number }) {
    this.#target = { host: "127.0.0.1", port: relayTo };
    this.#file = createWriteStream(file);
    this.#server = createServer((socket) => this.#relay(socket));
  }

  /** Listens on a free loopback port, which it returns. */
  async start(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    const address = this.#server.address();
    if (address === null || typeof address === "string")
      throw new VeilError("UNAVAILABLE", "the wire tap has no port");
    return address.port;
  }

  /** The bytes from the last occurrence of `needle`, with `before` bytes in front of it; null if it went by unseen. */
  lastSeen(needle: Uint8Array, before: number, length: number): Buffer | null {
    for (const chunk of [...this.#recent].reverse()) {
      const at = chunk.lastIndexOf(needle);
      if (at >= before) return chunk.subarray(at - before, at - before + length);
    }
    return null;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#file.end();
    await finished(this.#file);
  }

  #relay(agent: Socket): void {
    const bridge = connect(this.#target);
    for (const [from, to] of [
      [agent, bridge],
      [bridge, agent],
    ] as const) {
      this.#sockets.add(from);
      from.on("data", (bytes: Buffer) => this.#keep(bytes));
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }

  #keep(bytes: Buffer): void {
    this.#file.write(bytes);
    this.#recent.push(bytes);
    if (this.#recent.length > REMEMBERED_CHUNKS) this.#recent.shift();
  }
}

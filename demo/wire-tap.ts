/** A relay between the agents and the bridge that keeps every byte that passes: what the network sees of MQTT. */
import { createWriteStream, type WriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { type Link, Relay } from "./relay.ts";

const REMEMBERED_CHUNKS = 512;

export class WireTap {
  readonly #file: WriteStream;
  readonly #relay: Relay;
  readonly #recent: Buffer[] = [];

  /** Keeps the bytes in `file`; relays to the loopback port `relayTo`. */
  constructor({ file, relayTo }: { file: string; relayTo: number }) {
    this.#file = createWriteStream(file);
    this.#relay = new Relay({ relayTo, carry: (link) => this.#carry(link) });
  }

  /** Listens on a free loopback port, which it returns. */
  async start(): Promise<number> {
    return this.#relay.start();
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
    await this.#relay.stop();
    this.#file.end();
    await finished(this.#file);
  }

  #carry({ near, far }: Link): void {
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on("data", (bytes: Buffer) => this.#keep(bytes));
      from.pipe(to);
    }
  }

  #keep(bytes: Buffer): void {
    this.#file.write(bytes);
    this.#recent.push(bytes);
    if (this.#recent.length > REMEMBERED_CHUNKS) this.#recent.shift();
  }
}

/**
 * One agent's way to its bridges, with a weather of its own. Bytes are never lost out of the middle of a stream,
 * which TCP does not do: a network that loses packets stalls a connection, and one that forgets it is silent for
 * ever in both directions, without anybody being told.
 */
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Link, Relay } from "../../demo/relay.ts";

const POLL_MS = 20;

/** `stalled`: nothing passes for the time being. `forgetting`: nothing passes on these links ever again. */
type Weather =
  | { readonly kind: "clear" | "stalled" | "forgetting" }
  | { readonly kind: "slow"; readonly delayMs: number };

export class FieldNetwork {
  readonly #relays: readonly Relay[];
  #weather: Weather = { kind: "clear" };
  /** Links that pass nothing any more, also in clear weather. */
  readonly #forgotten = new WeakSet<Link>();
  #cutsNext = false;

  /** `ports`: the loopback ports of the bridges. */
  constructor({ ports }: { ports: readonly number[] }) {
    this.#relays = ports.map(
      (relayTo) => new Relay({ relayTo, carry: (link) => this.#carry(link) }),
    );
  }

  /** Where the bridges are found through this network, in the order given. */
  async start(): Promise<string[]> {
    const ports = await Promise.all(this.#relays.map((relay) => relay.start()));
    return ports.map((port) => `mqtt://127.0.0.1:${port}`);
  }

  async stop(): Promise<void> {
    this.clear();
    await Promise.all(this.#relays.map((relay) => relay.stop()));
  }

  /** Nothing passes until the weather clears; then everything does. */
  stall(): void {
    this.#weather = { kind: "stalled" };
  }

  /** The present connections, and those made in this weather, pass nothing ever again; nobody is told. */
  forget(): void {
    this.#weather = { kind: "forgetting" };
    for (const link of this.#links) this.#abandon(link);
  }

  /** Each chunk takes so long. */
  delay(delayMs: number): void {
    this.#weather = { kind: "slow", delayMs };
  }

  clear(): void {
    this.#weather = { kind: "clear" };
    this.#cutsNext = false;
  }

  /** The next chunk from the agent passes by half; then the connection is cut. */
  cutNextFrame(): void {
    this.#cutsNext = true;
  }

  /** Ends one side of each connection in an orderly way, and leaves the other one to believe that it is open. */
  halfClose(side: "agent" | "bridge"): void {
    for (const link of this.#links) {
      this.#abandon(link);
      (side === "agent" ? link.near : link.far).end();
    }
  }

  get #links(): Link[] {
    return this.#relays.flatMap(({ links }) => links);
  }

  #abandon(link: Link): void {
    link.isCoupled = false;
    this.#forgotten.add(link);
  }

  #carry(link: Link): void {
    if (this.#weather.kind === "forgetting") this.#abandon(link);
    const { near, far } = link;
    near.on("data", (bytes) => this.#hand(link, { bytes, from: near, to: far }));
    far.on("data", (bytes) => this.#hand(link, { bytes, from: far, to: near }));
  }

  /** One chunk at a time in each direction, so that their order is kept. */
  async #hand(link: Link, { bytes, from, to }: Chunk): Promise<void> {
    from.pause();
    if (this.#weather.kind === "slow") await sleep(this.#weather.delayMs);
    while (this.#weather.kind === "stalled" && !from.destroyed) await sleep(POLL_MS);
    from.resume();
    if (this.#forgotten.has(link) || to.destroyed) return;
    if (this.#cutsNext && from === link.near && bytes.length > 1) {
      this.#cutsNext = false;
      to.write(bytes.subarray(0, bytes.length >> 1), () => {
        link.near.resetAndDestroy();
        link.far.destroy();
      });
    } else to.write(bytes);
  }
}

interface Chunk {
  readonly bytes: Buffer;
  readonly from: Socket;
  readonly to: Socket;
}

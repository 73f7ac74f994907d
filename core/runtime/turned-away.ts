/**
 * Connections that a listener does not want. They are closed a while later and not read until then: whoever is turned
 * away at once is back at once, and to accept a connection costs more than to keep one.
 */
import type { Socket } from "node:net";

/** How long one waits for its end, and how many do so at a time; those beyond it end at once. */
const HELD_MS = 1_000;
const MAX_HELD = 1_000;

export class TurnedAway {
  readonly #held = new Set<Socket>();

  add(socket: Socket): void {
    if (this.#held.size >= MAX_HELD) {
      socket.destroy();
      return;
    }
    const end = setTimeout(() => socket.destroy(), HELD_MS);
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

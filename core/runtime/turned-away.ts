/**
 * Connections that a listener does not want. They are closed a few seconds later and not read until then: whoever is turned
 * away at once is back at once, and to accept a connection costs more than to keep one. Not all after the same time:
 * those who came together would end together, and come back together.
 */
import type { Socket } from "node:net";

/** How long one waits for its end, at random. */
const MIN_HELD_MS = 1_000;
const MAX_HELD_MS = 5_000;
/** At a time, of a few kilobytes each; those beyond it end at once. */
const MAX_HELD = 5_000;

export class TurnedAway {
  readonly #held = new Set<Socket>();

  add(socket: Socket): void {
    if (this.#held.size >= MAX_HELD) {
      socket.destroy();
      return;
    }
    const heldMs = MIN_HELD_MS + Math.random() * (MAX_HELD_MS - MIN_HELD_MS);
    const end = setTimeout(() => socket.destroy(), heldMs);
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

/**
 * How well a set of watches is known: whether all have been read once, and how old the last moment is at
 * which ZooKeeper confirmed all of them together.
 *
 * A watch is *stale* from a change's notice (or the loss of the connection) until it has been read again.
 * ZooKeeper tells a client of a change before it answers anything later than the change, so that every answer
 * confirms all watches that are not stale.
 */
import { VeilError } from "../../errors.ts";

/** When ZooKeeper last answered, on the clock of `performance.now()`; -Infinity before the first answer. */
export interface Contact {
  readonly lastContactAtMs: number;
}

export class WatchGroup {
  readonly #contact: Contact;
  /** Since when, oldest first: times of contact never decrease, and a Map keeps its order. */
  readonly #stale = new Map<object, number>();
  readonly #waiting = new Set<{ resolve: () => void; reject: (error: VeilError) => void }>();
  #synced = false;
  #closed = false;

  constructor(contact: Contact) {
    this.#contact = contact;
  }

  /** All watches have been read once: the first full load is done. */
  get synced(): boolean {
    return this.#synced;
  }

  /** How long ago everything was confirmed; Infinity before the first full load. */
  ageMs(): number {
    const [oldest] = this.#stale.values();
    const confirmedAtMs = this.#synced ? (oldest ?? this.#contact.lastContactAtMs) : -Infinity;
    return performance.now() - confirmedAtMs;
  }

  /** Resolves when `synced`. Rejects with UNAVAILABLE after `timeoutMs`, STOPPED after `close()`. */
  async whenSynced(timeoutMs: number): Promise<void> {
    if (this.#closed) throw stopped();
    if (this.#synced) return;
    await new Promise<void>((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(waiter);
        act();
      };
      const waiter = {
        resolve: () => settle(resolve),
        reject: (error: VeilError) => settle(() => reject(error)),
      };
      const timer = setTimeout(
        () => waiter.reject(new VeilError("UNAVAILABLE", "ZooKeeper has not been read yet")),
        timeoutMs,
      );
      this.#waiting.add(waiter);
    });
  }

  markStale(watch: object): void {
    if (!this.#stale.has(watch)) this.#stale.set(watch, this.#contact.lastContactAtMs);
  }

  /** After a reading that a further change has overtaken: stale, but only since now. */
  markStaleAgain(watch: object): void {
    this.#stale.delete(watch);
    this.markStale(watch);
  }

  /** The watch has been read, or is no more. */
  settle(watch: object): void {
    this.#stale.delete(watch);
    if (this.#stale.size > 0 || this.#closed) return;
    this.#synced = true;
    for (const waiter of [...this.#waiting]) waiter.resolve();
  }

  /** Nobody waits any longer. */
  close(): void {
    this.#closed = true;
    for (const waiter of [...this.#waiting]) waiter.reject(stopped());
  }
}

function stopped(): VeilError {
  return new VeilError("STOPPED", "the watch on ZooKeeper is stopped");
}

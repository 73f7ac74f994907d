/** Waiting until a number that only grows has passed a value. No wake-up is lost: it asks for a level, not an edge. */
import { VeilError } from "../../../core/errors.ts";

interface Waiter {
  readonly beyond: number;
  readonly resolve: () => void;
  readonly reject: (error: VeilError) => void;
}

export class SequenceGate {
  readonly #waiters = new Set<Waiter>();
  #value = 0;
  #closed = false;

  get value(): number {
    return this.#value;
  }

  advance(value: number): void {
    this.#value = Math.max(this.#value, value);
    for (const waiter of [...this.#waiters]) if (this.#value > waiter.beyond) waiter.resolve();
  }

  /** Resolves once the value is greater than `beyond`. Throws STOPPED on abort and on close. */
  async wait(beyond: number, signal?: AbortSignal): Promise<void> {
    if (this.#value > beyond) return;
    if (this.#closed || signal?.aborted) throw stopped();
    let waiter: Waiter | undefined;
    const onAbort = (): void => waiter?.reject(stopped());
    try {
      await new Promise<void>((resolve, reject) => {
        waiter = { beyond, resolve, reject };
        this.#waiters.add(waiter);
        signal?.addEventListener("abort", onAbort, { once: true });
      });
    } finally {
      signal?.removeEventListener("abort", onAbort);
      if (waiter) this.#waiters.delete(waiter);
    }
  }

  /** Ends every wait, now and later. */
  close(): void {
    this.#closed = true;
    for (const waiter of [...this.#waiters]) waiter.reject(stopped());
  }
}

function stopped(): VeilError {
  return new VeilError("STOPPED", "the wait for new entries was ended");
}

/**
 * Records that are refused while others before them in their stream are still on their way: not handed
 * out again, and done as soon as they are the oldest of their stream. In memory: after a restart such a
 * record is sent, refused and kept once more.
 */
import type { StoredEntry, StreamId } from "./entry.ts";
import type { Ledger } from "./ledger.ts";

export class Refusals {
  readonly #byStream = new Map<StreamId, Map<number, StoredEntry>>();

  add(entry: StoredEntry): void {
    const own = this.#byStream.get(entry.stream) ?? new Map<number, StoredEntry>();
    own.set(entry.sequence, entry);
    this.#byStream.set(entry.stream, own);
  }

  has({ stream, sequence }: StoredEntry): boolean {
    return this.#byStream.get(stream)?.has(sequence) ?? false;
  }

  /** Acknowledges in `ledger` those of `stream` that have come to its front. */
  settle(stream: StreamId, ledger: Ledger): void {
    const own = this.#byStream.get(stream);
    if (!own) return;
    for (const [sequence, entry] of [...own].sort(([a], [b]) => a - b)) {
      if (ledger.isHead(entry)) ledger.acknowledge(entry);
      if (sequence <= ledger.acknowledged(stream)) own.delete(sequence);
    }
    if (own.size === 0) this.#byStream.delete(stream);
  }
}

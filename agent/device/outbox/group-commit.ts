/**
 * When to write: many readings share one fsync, so that a flash card lives. At most one commit per
 * `intervalMs` from the last, earlier once `maxBytes` wait. Commits never overlap.
 */
import { VeilError } from "../../../core/errors.ts";

export interface GroupCommitOptions<T> {
  readonly intervalMs: number;
  readonly maxBytes: number;
  /** Beyond this `add` refuses: memory is not where readings wait for a disk that is too slow. */
  readonly maxPendingBytes: number;
  /** Makes the items durable in order. Settles each one itself through `resolve` and `reject`. */
  readonly commit: (items: readonly Pending<T>[]) => Promise<void>;
}

/** An item that waits for the disk. */
export interface Pending<T> {
  readonly item: T;
  readonly resolve: () => void;
  readonly reject: (error: VeilError) => void;
}

export class GroupCommit<T> {
  readonly #options: GroupCommitOptions<T>;
  #pending: Pending<T>[] = [];
  #pendingBytes = 0;
  #timer: NodeJS.Timeout | null = null;
  #lastMs = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | null = null;
  /** Something came up during the running commit. */
  #again = false;

  constructor(options: GroupCommitOptions<T>) {
    this.#options = options;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Resolves when `item`, of `bytes`, is durable. Throws LIMIT, or what the commit found. */
  async add(item: T, bytes: number): Promise<void> {
    if (this.#pendingBytes + bytes > this.#options.maxPendingBytes)
      throw new VeilError("LIMIT", "too many readings wait for the disk", {
        hint: "is the card worn or overloaded? fdatasync takes too long",
      });
    const done = new Promise<void>((resolve, reject) =>
      this.#pending.push({ item, resolve, reject }),
    );
    this.#pendingBytes += bytes;
    this.nudge();
    await done;
  }

  /** After a failed commit: what came after it must not be taken before it. */
  rejectPending(error: VeilError): void {
    const items = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    for (const { reject } of items) reject(error);
  }

  /** Something is to be written soon: a commit follows within the interval, even without items. */
  nudge(): void {
    if (this.#running !== null) this.#again = true;
    else if (this.#pendingBytes >= this.#options.maxBytes) this.#begin();
    else if (this.#timer === null) {
      const dueMs = this.#lastMs + this.#options.intervalMs - performance.now();
      this.#timer = setTimeout(() => this.#begin(), Math.max(0, dueMs));
    }
  }

  /** Commits what is pending now, and waits for it. */
  async flush(): Promise<void> {
    while (this.#running !== null) await this.#running;
    this.#begin();
    await this.#running;
  }

  #begin(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const items = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#lastMs = performance.now();
    this.#running = this.#options.commit(items).finally(() => {
      this.#running = null;
      const again = this.#again;
      this.#again = false;
      if (again) this.nudge();
    });
  }
}

/** Counts what a framer drops, and tells of it in whole stretches rather than byte by byte. */
import type { Drop, Dropped, DropReason, OnDrop } from "./framer.ts";

export class DropTally {
  readonly #onDrop: OnDrop | undefined;
  #frames = 0;
  #bytes = 0;
  /** The stretch that may still grow. */
  #open: Drop | null = null;

  constructor(onDrop?: OnDrop) {
    this.#onDrop = onDrop;
  }

  get total(): Dropped {
    return { frames: this.#frames, bytes: this.#bytes };
  }

  /** Bytes at `offset` are dropped. They join the stretch that they follow; `damaged` outweighs `noise` there. */
  add({ offset, bytes, reason }: Drop): void {
    this.#bytes += bytes;
    const open = this.#open;
    if (open && open.offset + open.bytes === offset) {
      const worst = weightier(open.reason, reason);
      this.#open = { offset: open.offset, bytes: open.bytes + bytes, reason: worst };
      return;
    }
    this.settle();
    this.#frames++;
    this.#open = { offset, bytes, reason };
  }

  /** No stretch goes on from here: a frame, or the end. */
  settle(): void {
    if (this.#open) this.#onDrop?.(this.#open);
    this.#open = null;
  }
}

function weightier(one: DropReason, other: DropReason): DropReason {
  return one === "noise" ? other : one;
}

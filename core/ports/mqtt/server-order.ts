/** Completions that arrive in any order and leave in the order in which they were asked for (MQTT-4.6.0-2). */
export class InOrder<T> {
  readonly #leave: (value: T) => boolean;
  #slots: Slot<T>[] = [];
  #head = 0;
  #ended = false;

  /** `leave` is called in order; `false` from it ends everything: what has not left by then never will. */
  constructor(leave: (value: T) => boolean) {
    this.#leave = leave;
  }

  /** How many were asked for and have not left. */
  get size(): number {
    return this.#slots.length - this.#head;
  }

  /** Takes the next place; the returned function completes it, once. */
  add(): (value: T) => void {
    const slot: Slot<T> = { done: undefined };
    this.#slots.push(slot);
    return (value) => {
      slot.done ??= { value };
      this.#flush();
    };
  }

  /** Voids everything that has not left. */
  end(): void {
    this.#ended = true;
    this.#slots = [];
    this.#head = 0;
  }

  #flush(): void {
    while (!this.#ended) {
      const done = this.#slots[this.#head]?.done;
      if (!done) break;
      this.#head += 1;
      if (!this.#leave(done.value)) this.end();
    }
    // Cut off what has left only now and then: shifting one by one would move the whole list each time.
    if (this.#head > 0 && (this.#head === this.#slots.length || this.#head >= COMPACT_AT)) {
      this.#slots.splice(0, this.#head);
      this.#head = 0;
    }
  }
}

interface Slot<T> {
  done: { readonly value: T } | undefined;
}

const COMPACT_AT = 64;

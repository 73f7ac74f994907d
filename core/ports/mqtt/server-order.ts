/** Items that are completed in any order and leave in the order in which they were added (MQTT-4.6.0-2). */
export interface InOrderOptions<T> {
  isComplete(item: T): boolean;
  /** Called in order; `false` ends everything: what has not left by then never will. */
  leave(item: T): boolean;
}

export class InOrder<T> {
  readonly #options: InOrderOptions<T>;
  #items: T[] = [];
  #head = 0;
  #ended = false;

  constructor(options: InOrderOptions<T>) {
    this.#options = options;
  }

  /** How many were added and have not left. */
  get size(): number {
    return this.#items.length - this.#head;
  }

  add(item: T): void {
    if (!this.#ended) this.#items.push(item);
  }

  /** To be called when an item has become complete: lets it leave, and those that waited for it. */
  flush(): void {
    const options = this.#options;
    for (let item = this.#items[this.#head]; item !== undefined; item = this.#items[this.#head]) {
      if (!options.isComplete(item)) break;
      this.#head += 1;
      if (!options.leave(item)) this.end();
    }
    // Cut off what has left only now and then: shifting one by one would move the whole list each time.
    if (this.#head > 0 && (this.#head === this.#items.length || this.#head >= COMPACT_AT)) {
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** Voids everything that has not left. */
  end(): void {
    this.#ended = true;
    this.#items = [];
    this.#head = 0;
  }
}

const COMPACT_AT = 64;

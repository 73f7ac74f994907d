/**
 * Items that are completed in any order and leave in the order in which they were added (MQTT-4.6.0-2). Each knows the next one: an array of
 * them, of which the front is cut off, cost a record more than all that is done here.
 */
export interface Ordered<T> {
  /** InOrder's own, `undefined` before and after. */
  next: T | undefined;
}

export interface InOrderOptions<T> {
  isComplete(item: T): boolean;
  /** Called in order; `false` ends everything: what has not left by then never will. */
  leave(item: T): boolean;
}

export class InOrder<T extends Ordered<T>> {
  readonly #options: InOrderOptions<T>;
  #first: T | undefined;
  #last: T | undefined;
  #size = 0;
  #ended = false;

  constructor(options: InOrderOptions<T>) {
    this.#options = options;
  }

  /** How many were added and have not left. */
  get size(): number {
    return this.#size;
  }

  add(item: T): void {
    if (this.#ended) return;
    if (this.#last) this.#last.next = item;
    else this.#first = item;
    this.#last = item;
    this.#size += 1;
  }

  /** To be called when an item has become complete: lets it leave, and those that waited for it. */
  flush(): void {
    const options = this.#options;
    for (let item = this.#first; item !== undefined; item = this.#first) {
      if (!options.isComplete(item)) return;
      this.#takeFirst(item);
      if (!options.leave(item)) this.end();
    }
  }

  /** Voids everything that has not left. */
  end(): void {
    this.#ended = true;
    this.#first = undefined;
    this.#last = undefined;
    this.#size = 0;
  }

  #takeFirst(first: T): void {
    this.#first = first.next;
    if (this.#first === undefined) this.#last = undefined;
    // One that has left must not keep the others from being collected.
    first.next = undefined;
    this.#size -= 1;
  }
}

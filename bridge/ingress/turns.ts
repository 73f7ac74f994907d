/** Jobs of one session, one after the other in the order in which they came. */
export class Turns {
  #last: Promise<void> | undefined;

  /** Nothing is under way: who comes now need not queue. */
  get isFree(): boolean {
    return this.#last === undefined;
  }

  /** Runs `job` after those before it, whatever became of them; settles as it does. */
  async take<T>(job: () => Promise<T>): Promise<T> {
    const before = this.#last ?? Promise.resolve();
    const result = before.then(job);
    const end = result.then(nothing, nothing);
    this.#last = end;
    try {
      return await result;
    } finally {
      if (this.#last === end) this.#last = undefined;
    }
  }
}

function nothing(): void {}

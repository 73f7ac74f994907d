/**
 * Whether a loop still turns. A loop says at every turn by when it will turn again at the latest; one that is late
 * hangs: in a call that never answers, or on a promise that nobody will ever settle. That the event loop itself turns
 * is seen from outside: nobody asks any more.
 */
export class Pulse {
  readonly name: string;
  readonly #monotonicMs: () => number;
  #dueMs = Number.POSITIVE_INFINITY;

  /** `monotonicMs`: `performance.now` unless a test brings its own. */
  constructor(name: string, monotonicMs: () => number = () => performance.now()) {
    this.name = name;
    this.#monotonicMs = monotonicMs;
  }

  /** The loop turns, and will again in at most `withinMs`. */
  beat(withinMs: number): void {
    this.#dueMs = this.#monotonicMs() + withinMs;
  }

  /** The loop has ended on purpose. */
  rest(): void {
    this.#dueMs = Number.POSITIVE_INFINITY;
  }

  get isAlive(): boolean {
    return this.#monotonicMs() <= this.#dueMs;
  }
}

/** Notices that nothing valid has come for too long, and that something does again. */

export interface SilenceOptions {
  /** The deadline; undefined: none, and nothing is ever told. */
  readonly afterMs: number | undefined;
  /** Told once per silence, and once at its end. Must not throw. */
  readonly onSilent: (silentMs: number) => void;
  readonly onHeard: (silentMs: number) => void;
}

export class Silence {
  readonly #options: SilenceOptions;
  #timer: NodeJS.Timeout | undefined;
  #lastMs = 0;
  #isSilent = false;

  constructor(options: SilenceOptions) {
    this.#options = options;
  }

  /** Whether the deadline has passed. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  start(): void {
    this.#lastMs = performance.now();
    this.#watch(this.#options.afterMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Something valid came. */
  heard(): void {
    const nowMs = performance.now();
    const silentMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (!this.#isSilent) return;
    this.#isSilent = false;
    this.#options.onHeard(silentMs);
    this.#watch(this.#options.afterMs);
  }

  /** One timer per deadline, not one per frame: a device may send thousands a second. */
  #watch(delayMs: number | undefined): void {
    if (delayMs === undefined) return;
    this.#timer = setTimeout(() => this.#look(), delayMs);
  }

  #look(): void {
    const { afterMs = 0, onSilent } = this.#options;
    const silentMs = performance.now() - this.#lastMs;
    if (silentMs < afterMs) {
      this.#watch(afterMs - silentMs);
      return;
    }
    this.#isSilent = true;
    onSilent(silentMs);
  }
}

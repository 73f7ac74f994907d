/** Lets one loop sleep until something happens. A call while it does not sleep is remembered. */
export class Wake {
  #pending = false;
  #wake: (() => void) | undefined;

  notify(): void {
    this.#pending = true;
    this.#wake?.();
  }

  /** Resolves at `notify()`, when `signal` aborts, or after `maxMs` (which may be Infinity). */
  async wait(maxMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#pending && !signal.aborted)
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          signal.removeEventListener("abort", wake);
          this.#wake = undefined;
          resolve();
        };
        const timer = Number.isFinite(maxMs) ? setTimeout(wake, maxMs) : undefined;
        signal.addEventListener("abort", wake);
        this.#wake = wake;
      });
    this.#pending = false;
  }
}

/**
 * The clock by which the outbox tells how old its records are. A device has no clock to be trusted: it starts in 1970 or
 * where it was switched off, and jumps when the network is there. So this one runs by monotonic time while the agent
 * does, and a time without power is counted only where the wall clock was set before and after it. It is never ahead of
 * the truth: no jump of a clock can cost a reading. Stamps in the log carry it over a restart.
 */

/** The clock's state at some moment, as it is on disk. */
export interface Stamp {
  /** Milliseconds since this outbox was made, as far as they are known. */
  readonly ageMs: number;
  /** The wall clock, milliseconds since 1970. */
  readonly wallMs: number;
  /** Whether the wall clock was set (synchronised) then. */
  readonly isSet: boolean;
}

/** The clocks of the machine; the real ones unless a test brings its own. */
export interface MachineClock {
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
  /** Whether the wall clock is synchronised, as far as the kernel knows. */
  readonly isSet: () => boolean;
}

export class AgeClock {
  readonly #machine: MachineClock;
  readonly #startedMs: number;
  #offsetMs: number;
  /** The last stamp of the run before, until it is known how long ago that was. */
  #before: Stamp | null;

  /** Goes on from the newest stamp in the log; `null` in a new outbox. */
  constructor(machine: MachineClock, last: Stamp | null) {
    this.#machine = machine;
    this.#startedMs = machine.monotonicMs();
    this.#offsetMs = (last?.ageMs ?? 0) - this.#startedMs;
    this.#before = last?.isSet ? last : null;
  }

  nowMs(): number {
    this.#countPause();
    return Math.floor(this.#offsetMs + this.#machine.monotonicMs());
  }

  stamp(): Stamp {
    const { wallMs, isSet } = this.#machine;
    return { ageMs: this.nowMs(), wallMs: Math.floor(wallMs()), isSet: isSet() };
  }

  /** Once the wall clock is set, which may be long after the start: how long the agent had not run before it. */
  #countPause(): void {
    const { monotonicMs, wallMs, isSet } = this.#machine;
    if (!this.#before || !isSet()) return;
    const startedAtMs = wallMs() - (monotonicMs() - this.#startedMs);
    this.#offsetMs += Math.max(0, startedAtMs - this.#before.wallMs);
    this.#before = null;
  }
}

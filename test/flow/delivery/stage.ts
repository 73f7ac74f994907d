/**
 * Where the play is performed: everything that takes time is an event, and fast-check's scheduler says which comes
 * next. Timers are virtual: that the next one is due is an event like any other.
 */
import type fc from "fast-check";
import { vi } from "vitest";

/** The real one, before timers become virtual: when it has passed, all that follows from an event has happened. */
const breathe = setImmediate;

/** What comes much later comes after up to so many turns of its own, each at a moment of the scheduler's choosing. */
const MANY_TURNS = 40;
const SOME_TURNS = 12;

export class Stage {
  readonly #scheduler: fc.Scheduler;
  /** Broken rules, in words. */
  readonly violations: string[] = [];
  #isTicking = true;

  constructor(scheduler: fc.Scheduler) {
    this.#scheduler = scheduler;
  }

  /** `run` happens at some moment from now on. */
  later(label: string, run: () => unknown): void {
    const builder = async (): Promise<void> => {
      await run();
    };
    this.#scheduler.scheduleSequence([{ label, builder }]);
  }

  /** `run` happens, but perhaps only after much else has. */
  muchLater(label: string, run: () => unknown, maxTurns = MANY_TURNS): void {
    const turn = (left: number): void => {
      this.later(label, () => (left > 0 ? turn(left - 1) : run()));
    };
    turn(Math.floor(Math.random() * maxTurns));
  }

  /** These happen in this order, now and then; resolves after the last one. */
  async inOrder(steps: readonly { label: string; run: () => unknown }[]): Promise<void> {
    for (const { label, run } of steps)
      await new Promise<void>((resolve) => {
        const step = async (): Promise<void> => {
          await run();
          resolve();
        };
        this.muchLater(label, step, SOME_TURNS);
      });
  }

  /** Lets things happen until `isOver`; throws where that takes more than `maxEvents`. */
  async play(isOver: () => boolean, maxEvents: number): Promise<void> {
    if (this.#isTicking) this.#tick();
    for (let events = 0; !isOver(); events++) {
      if (events >= maxEvents) throw new Error("it does not come to an end");
      await settle();
      if (this.#scheduler.count() > 0) await this.#scheduler.waitOne();
      else await vi.advanceTimersToNextTimerAsync();
      await settle();
    }
  }

  /** Whether time passes by itself. */
  get isTicking(): boolean {
    return this.#isTicking;
  }

  /** From now on time passes only when nothing else can happen. */
  calm(): void {
    this.#isTicking = false;
  }

  #tick(): void {
    this.later("time passes", async () => {
      if (vi.getTimerCount() > 0) await vi.advanceTimersToNextTimerAsync();
      if (this.#isTicking) this.#tick();
    });
  }
}

async function settle(): Promise<void> {
  await new Promise<void>((resolve) => breathe(resolve));
}

/** Timers, the clock and chance are virtual until `end` is called; chance follows `seed`. */
export function virtualTime(seed: number): { end: () => void } {
  vi.useFakeTimers({
    toFake: [
      ...["setTimeout", "clearTimeout", "setInterval", "clearInterval"],
      ...["setImmediate", "clearImmediate", "Date", "performance"],
    ] as const,
    now: 1_700_000_000_000,
  });
  let state = seed >>> 0;
  const chance = vi.spyOn(Math, "random").mockImplementation(() => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  });
  return {
    end: () => {
      vi.clearAllTimers();
      vi.useRealTimers();
      chance.mockRestore();
    },
  };
}

/** `node:timers/promises` on the virtual timers. */
export async function virtualSleep<T>(
  ms: number,
  value: T,
  { signal }: { signal?: AbortSignal } = {},
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve(value);
    }, ms);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    if (signal?.aborted) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
  });
}

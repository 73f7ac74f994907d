/**
 * Runs one target over mutated inputs and holds it to its contract: it returns or throws a VeilError, no input takes
 * long, and nothing of an input is kept.
 *
 * Time is judged twice: what was slow in passing (a collection) is run again alone, and what it then takes of the
 * processor counts, at best of three; other processes do not. What does not end at all is stopped.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isVeilError } from "../../core/errors.ts";
import { heldBytes } from "./memory.ts";
import { mutate, type Samples } from "./mutate.ts";
import { Random } from "./random.ts";
import type { Target } from "./target.ts";
import { isTimeUp, withTimeLimit } from "./time-limit.ts";

export interface FuzzOptions {
  readonly seed: string;
  readonly inputs: number;
  /** What one input may take of the processor. Default 100: the largest take 60 on a slow machine, and no more than their length. */
  readonly maxInputMs?: number;
  /** After this an input is stopped. Default 10 s. */
  readonly endlessMs?: number;
  /** What memory may grow by between the first quarter of the run and its end. Default 2 MiB. */
  readonly maxGrowthBytes?: number;
}

/** What broke the contract. */
export interface Failure {
  readonly kind: "crash" | "hang" | "leak";
  readonly detail: string;
  /** None for a leak: no single input is to blame. */
  readonly input?: Buffer;
}

export interface Outcome {
  readonly target: string;
  readonly seed: string;
  readonly inputs: number;
  /** Inputs that the target took; the others it refused with a VeilError. */
  readonly taken: number;
  readonly seconds: number;
  /** Of the slowest input, run alone. */
  readonly slowestMs: number;
  readonly grownBytes: number;
  readonly failure: Failure | undefined;
}

const MAX_INPUT_MS = 100;
const ENDLESS_MS = 10_000;
const MAX_GROWTH_BYTES = 2 * 2 ** 20;
const BATCH = 200;
const QUARTERS = 4;
/** Faster than this is not worth a second look. */
const WORTH_TIMING_MS = 1;
const TIMED_AGAIN = 3;

/** Fuzzes until all inputs are done or one breaks the contract. */
export async function fuzz(target: Target, options: FuzzOptions): Promise<Outcome> {
  const samples = typeof target.samples === "function" ? await target.samples() : target.samples;
  return new Run(target, samples, options).run().finally(() => target.stop?.());
}

/** Runs a single input, as it was printed with a failure. */
export async function replay(target: Target, input: Buffer): Promise<Outcome> {
  const run = new Run(target, [input], { seed: "none", inputs: 1 });
  return run.runThese([input]).finally(() => target.stop?.());
}

class Run {
  readonly #target: Target;
  readonly #samples: Samples;
  readonly #options: Required<FuzzOptions>;
  #inputs = 0;
  #taken = 0;
  #slowestMs = 0;
  #grownBytes = 0;
  #failure: Failure | undefined;

  constructor(target: Target, samples: Samples, options: FuzzOptions) {
    this.#target = target;
    this.#samples = samples;
    this.#options = {
      maxInputMs: MAX_INPUT_MS,
      endlessMs: ENDLESS_MS,
      maxGrowthBytes: MAX_GROWTH_BYTES,
      ...options,
    };
  }

  async run(): Promise<Outcome> {
    const { seed, inputs } = this.#options;
    // Bound to the target's name, so that a target alone sees what it sees among all.
    const random = new Random(`${seed}/${this.#target.name}`);
    const startMs = performance.now();
    await this.#runUpTo(Math.ceil(inputs / QUARTERS), random);
    const heldAtFirst = await this.#heldBytes();
    await this.#runUpTo(inputs, random);
    const held = await this.#heldBytes(heldAtFirst + this.#options.maxGrowthBytes);
    this.#grownBytes = Math.max(0, held - heldAtFirst);
    if (this.#grownBytes > this.#options.maxGrowthBytes)
      this.#fail({ kind: "leak", detail: `${this.#grownBytes} bytes more were held in the end` });
    return this.#outcome(startMs);
  }

  async #heldBytes(enough?: number): Promise<number> {
    // What is about to end is not held.
    await this.#target.stop?.();
    return heldBytes(enough);
  }

  async runThese(inputs: readonly Buffer[]): Promise<Outcome> {
    const startMs = performance.now();
    await this.#runBatch(inputs);
    return this.#outcome(startMs);
  }

  async #runUpTo(end: number, random: Random): Promise<void> {
    while (this.#inputs < end && !this.#failure) {
      const count = Math.min(BATCH, end - this.#inputs);
      await this.#runBatch(Array.from({ length: count }, () => mutate(random, this.#samples)));
    }
  }

  async #runBatch(batch: readonly Buffer[]): Promise<void> {
    for (let next = 0; next < batch.length && !this.#failure; ) {
      const stop = this.#runSync(batch.slice(next));
      next += stop.done;
      this.#inputs += stop.done;
      if (stop.pending) await this.#settle(stop.pending);
      const { slow } = stop;
      if (slow && !this.#failure) await this.#timeAgain(slow.input, slow.elapsedMs);
    }
  }

  /** Runs inputs until one answers with a promise, is slow, or fails. */
  #runSync(batch: readonly Buffer[]): Stop {
    let done = 0;
    let stop: Omit<Stop, "done"> = {};
    try {
      withTimeLimit(() => {
        for (const input of batch) {
          const startMs = performance.now();
          const result = this.#call(input);
          const elapsedMs = performance.now() - startMs;
          done++;
          if (result instanceof Promise) stop = { pending: { result, input } };
          else if (this.#isNotable(elapsedMs)) stop = { slow: { input, elapsedMs } };
          if (stop.pending || stop.slow || this.#failure) return;
        }
      }, this.#options.endlessMs);
    } catch (error) {
      if (!isTimeUp(error)) throw error;
      this.#endless(batch[done]);
    }
    return { ...stop, done };
  }

  /** The promise that the target answered with, if any. */
  #call(input: Buffer): unknown {
    try {
      const result = this.#target.run(input);
      if (!(result instanceof Promise)) this.#taken++;
      return result;
    } catch (error) {
      this.#judge(error, input);
      return undefined;
    }
  }

  async #settle({ result, input }: Pending): Promise<void> {
    const startMs = performance.now();
    const timer = new AbortController();
    const { endlessMs } = this.#options;
    const timeUp = sleep(endlessMs, "time up", { signal: timer.signal }).catch(() => "stopped");
    try {
      if ((await Promise.race([result.then(() => "done"), timeUp])) === "done") this.#taken++;
      else this.#endless(input);
    } catch (error) {
      this.#judge(error, input);
    } finally {
      timer.abort();
    }
    const elapsedMs = performance.now() - startMs;
    if (this.#isNotable(elapsedMs) && !this.#failure) await this.#timeAgain(input, elapsedMs);
  }

  #isNotable(elapsedMs: number): boolean {
    return elapsedMs > WORTH_TIMING_MS && elapsedMs > this.#slowestMs;
  }

  async #timeAgain(input: Buffer, firstMs: number): Promise<void> {
    let bestMs = firstMs;
    for (let i = 0; i < TIMED_AGAIN && bestMs > this.#slowestMs; i++) {
      const startMs = performance.now();
      const used = process.cpuUsage();
      try {
        await this.#target.run(input);
      } catch {
        // It was judged the first time.
      }
      const { user, system } = process.cpuUsage(used);
      bestMs = Math.min(bestMs, performance.now() - startMs, (user + system) / 1000);
    }
    this.#slowestMs = Math.max(this.#slowestMs, bestMs);
    if (bestMs > this.#options.maxInputMs)
      this.#fail({ kind: "hang", detail: `takes ${bestMs.toFixed(0)} ms`, input });
  }

  #judge(error: unknown, input: Buffer): void {
    if (isVeilError(error)) return;
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#fail({ kind: "crash", detail, input });
  }

  #endless(input: Buffer | undefined): void {
    const detail = `does not end within ${this.#options.endlessMs} ms`;
    this.#fail({ kind: "hang", detail, ...(input && { input }) });
  }

  /** The first one counts. */
  #fail(failure: Failure): void {
    this.#failure ??= failure;
  }

  #outcome(startMs: number): Outcome {
    return {
      target: this.#target.name,
      seed: this.#options.seed,
      inputs: this.#inputs,
      taken: this.#taken,
      seconds: (performance.now() - startMs) / 1000,
      slowestMs: this.#slowestMs,
      grownBytes: this.#grownBytes,
      failure: this.#failure,
    };
  }
}

interface Pending {
  readonly result: Promise<unknown>;
  readonly input: Buffer;
}

/** Why a run of inputs paused. */
interface Stop {
  readonly done: number;
  readonly pending?: Pending;
  readonly slow?: { readonly input: Buffer; readonly elapsedMs: number };
}

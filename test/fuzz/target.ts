/** What is fuzzed: a decoder with samples of what it reads. See targets.ts for how to add one. */
import type { Samples } from "./mutate.ts";

export interface Target {
  /** For the command line and the report, such as `announcement`. */
  readonly name: string;
  /** Valid inputs, from which all others are made: the same in every run, or a seed would not replay. */
  readonly samples: Samples | (() => Promise<Samples>);
  /** Must return, or throw a VeilError. Whatever it returns, a promise is waited for. */
  readonly run: (input: Buffer) => unknown;
  /** Ends what `run` has started and goes on between inputs. */
  readonly stop?: () => Promise<void>;
  /** Its part of the inputs, against 1: less for what signs, or writes files. */
  readonly share?: number;
}

/** How many of `total` inputs each target gets, at least one. */
export function inputsOf(targets: readonly Target[], total: number): Map<Target, number> {
  const shares = targets.reduce((sum, { share = 1 }) => sum + share, 0);
  return new Map(
    targets.map((target) => [target, Math.ceil((total * (target.share ?? 1)) / shares)]),
  );
}

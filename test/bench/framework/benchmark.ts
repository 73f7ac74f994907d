/** What a benchmark is: something that runs, for a while, and says what it found. */
import type { Findings } from "./findings.ts";

export interface Benchmark {
  /** As in `npm run bench -- <name>`; also the name of its report. */
  readonly name: string;
  /** Half a line for `--help`. */
  readonly summary: string;
  run(context: BenchmarkContext): Promise<Findings>;
}

/** What a benchmark is given. */
export interface BenchmarkContext {
  /** Only whether it works: a few seconds, and no figure of it means anything. */
  readonly quick: boolean;
  /** A folder of its own, removed afterwards. */
  readonly folder: string;
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal;
  /** Tells of a step on stderr, a line at a time. */
  readonly say: (line: string) => void;
  /** Begins to show how far a step is; call what it returns at each unit of it done. */
  readonly progress: (label: string, total: number) => () => void;
}

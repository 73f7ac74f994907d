/** Runs one benchmark: what it found, and when, where and on which commit. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Progress } from "../../../core/runtime/progress.ts";
import { describeCommit, describeMachine, loadAverage } from "../../support/machine.ts";
import type { Benchmark } from "./benchmark.ts";
import type { Findings } from "./findings.ts";

/** A benchmark's findings and where they come from: what `--json` prints, save for the plots. */
export interface Measurement {
  readonly name: string;
  readonly quick: boolean;
  /** ISO 8601. */
  readonly beganAt: string;
  readonly tookS: number;
  readonly machine: string;
  readonly commit: string;
  /** Of the last minute, before and after: what else ran on the machine is in it. */
  readonly loadAverages: readonly [before: number, after: number];
  readonly findings: Findings;
}

export interface MeasureOptions {
  readonly quick: boolean;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export async function measure(
  { name, run }: Benchmark,
  { quick, signal, say }: MeasureOptions,
): Promise<Measurement> {
  const folder = await mkdtemp(join(tmpdir(), `veilmq-bench-${name}-`));
  const [machine, commit] = await Promise.all([describeMachine(), describeCommit()]);
  const [began, loadBefore] = [new Date(), loadAverage()];
  let bar: Progress | undefined;
  const progress = (label: string, total: number): (() => void) => {
    bar?.stop();
    const next = new Progress({ label, total });
    bar = next;
    next.start();
    let done = 0;
    return () => next.update(++done);
  };
  try {
    const findings = await run({ quick, folder, signal, say, progress });
    return {
      name,
      quick,
      beganAt: began.toISOString(),
      tookS: (Date.now() - began.getTime()) / 1000,
      machine,
      commit,
      loadAverages: [loadBefore, loadAverage()],
      findings,
    };
  } finally {
    bar?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

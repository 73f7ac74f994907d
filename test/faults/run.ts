/** A long run: load, a seeded schedule of faults, and what became of every reading. */
import { readFile } from "node:fs/promises";
import { VeilError } from "../../core/errors.ts";
import { pause } from "../../core/runtime/backoff.ts";
import type { FaultKind } from "./faults.ts";
import { type Outcome, perform } from "./perform.ts";
import { Random } from "./random.ts";
import type { RunReport } from "./report.ts";
import { FaultRig } from "./rig.ts";
import { scheduleFaults } from "./schedule.ts";

/** No run takes longer, in which something hangs that should not. */
const MAX_S_PER_FAULT = 60;
const DEVICES = 10;
const REST_MS = [0, 2000] as const;

export interface RunOptions {
  /** What may happen. */
  readonly kinds: readonly FaultKind[];
  readonly faults: number;
  /** Readings a second, of all devices together. */
  readonly rate: number;
  readonly bridges: number;
  readonly seed: number;
  readonly dir: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** Throws what did not start; what happens later is in the report. */
export async function runFaults(options: RunOptions): Promise<RunReport> {
  const { rate, bridges, seed, say } = options;
  const rig = new FaultRig({ ...options, devices: DEVICES });
  const beganAtMs = Date.now();
  try {
    await rig.start();
    const { outcomes, failure } = await performAll(rig, options);
    say("waiting for what is still on its way");
    await rig.drain();
    const verdict = await rig.ledger.judge(rig.output);
    const rejects = (await readFile(rig.rejects, "utf8")).split("\n").length - 1;
    const tookMs = Date.now() - beganAtMs;
    return { seed, rate, bridges, tookMs, beganAtMs, outcomes, verdict, rejects, failure };
  } finally {
    await rig.stop();
  }
}

async function performAll(
  rig: FaultRig,
  { kinds, faults, seed, signal, say }: RunOptions,
): Promise<{ outcomes: Outcome[]; failure: string | null }> {
  const random = new Random(seed);
  const outcomes: Outcome[] = [];
  const deadline = Date.now() + faults * MAX_S_PER_FAULT * 1000;
  for (const kind of scheduleFaults(kinds, faults, random)) {
    const number = `${outcomes.length + 1}/${faults}`;
    try {
      if (Date.now() > deadline) throw new VeilError("TIMEOUT", "the run takes too long");
      const outcome = await perform(rig, kind, { random, brief: false });
      outcomes.push(outcome);
      const [held, recovery] = [outcome.heldMs, outcome.recoveryMs].map((ms) => seconds(ms));
      say(`${number} ${kind.name} (${outcome.target}) for ${held}: recovered in ${recovery}`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      say(`${number} ${kind.name}: ${reason}`);
      return { outcomes, failure: `fault ${number}, ${kind.name}: ${reason}` };
    }
    if (!(await pause(random.between(...REST_MS), signal)))
      return { outcomes, failure: "interrupted" };
  }
  return { outcomes, failure: null };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

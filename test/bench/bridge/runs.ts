/** One target under one load, in rounds with the others. */
import type { Generator } from "../load/generator.ts";
import { Histogram } from "../load/histogram.ts";
import type { Load } from "../load/load.ts";
import { processorSeconds, residentBytes } from "../load/usage.ts";
import type { Target } from "./rig.ts";

/** What the clients do. */
export interface Scenario {
  readonly clients: number;
  /** Of a message, in bytes. */
  readonly size: number;
  readonly load: Load;
  readonly seconds: number;
}

/** One target's figures: one of each a round. */
export interface Figures {
  readonly perSecond: number[];
  /** Processors kept busy. */
  readonly cores: number[];
  readonly residentMiB: number[];
  /** Of all rounds. */
  readonly latencies: Histogram;
}

const MIB = 2 ** 20;

/** Loads all targets in turn, `rounds` times, each round beginning with another one; figures in the order of the targets. */
export async function runInRounds(
  generator: Generator,
  targets: readonly Target[],
  { rounds, signal, ...scenario }: Scenario & { rounds: number; signal: AbortSignal },
): Promise<Figures[]> {
  const figures = targets.map(
    (): Figures => ({ perSecond: [], cores: [], residentMiB: [], latencies: new Histogram() }),
  );
  for (let round = 0; round < rounds; round++)
    for (const step of targets.keys()) {
      const at = (step + round) % targets.length;
      const [target, into] = [targets[at], figures[at]];
      signal.throwIfAborted();
      if (target && into) await runOnce(generator, target, scenario, into);
    }
  return figures;
}

async function runOnce(
  generator: Generator,
  target: Target,
  { clients, size, load, seconds }: Scenario,
  into: Figures,
): Promise<void> {
  const { name, pid } = target;
  await generator.open(name, target.publishers(clients, size));
  const [beganMs, usedS] = [performance.now(), await processorSeconds(pid)];
  const result = await generator.run(name, load, seconds);
  const tookS = (performance.now() - beganMs) / 1000;
  into.cores.push(((await processorSeconds(pid)) - usedS) / tookS);
  into.residentMiB.push((await residentBytes(pid)) / MIB);
  into.perSecond.push(result.acknowledged / result.seconds);
  into.latencies.merge(result.latencies);
  await generator.close(name);
}

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
export class Figures {
  readonly perSecond: number[] = [];
  /** Processors kept busy. */
  readonly cores: number[] = [];
  readonly residentMiB: number[] = [];
  /** Of all rounds. */
  readonly latencies = new Histogram();
}

/** A target, and where its figures go. */
export interface Measuring {
  readonly target: Target;
  readonly into: Figures;
}

const MIB = 2 ** 20;

/**
 * Loads all targets in turn, `rounds` times. The rounds go through all orders of the targets, so
 * that each comes after each other one equally often: Kafka still has work from whoever was before. All clients are connected
 * all the time, and a round that does not count comes first: what a connection costs is not what a message costs.
 */
export async function runInRounds(
  generator: Generator,
  measuring: readonly Measuring[],
  { rounds, signal, ...scenario }: Scenario & { rounds: number; signal: AbortSignal },
): Promise<void> {
  const { clients, size } = scenario;
  const targets = measuring.map(({ target }) => target);
  for (const { name, publishers } of targets) await generator.open(name, publishers(clients, size));
  for (const target of targets) {
    signal.throwIfAborted();
    await runOnce(generator, target, scenario);
  }
  const orders = ordersOf(measuring);
  for (let round = 0; round < rounds; round++)
    for (const { target, into } of orders[round % orders.length] ?? []) {
      signal.throwIfAborted();
      const { latencies, perSecond, cores, residentMiB } = await runOnce(
        generator,
        target,
        scenario,
      );
      into.latencies.merge(latencies);
      into.perSecond.push(perSecond);
      into.cores.push(cores);
      into.residentMiB.push(residentMiB);
    }
  for (const { name } of targets) await generator.close(name);
}

/** All orders of `items`. */
function ordersOf<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((first, at) =>
    ordersOf(items.toSpliced(at, 1)).map((rest) => [first, ...rest]),
  );
}

async function runOnce(generator: Generator, { name, pid }: Target, { load, seconds }: Scenario) {
  const [beganMs, usedS] = [performance.now(), await processorSeconds(pid)];
  const result = await generator.run(name, load, seconds);
  const tookS = (performance.now() - beganMs) / 1000;
  return {
    latencies: result.latencies,
    perSecond: result.acknowledged / result.seconds,
    cores: ((await processorSeconds(pid)) - usedS) / tookS,
    residentMiB: (await residentBytes(pid)) / MIB,
  };
}

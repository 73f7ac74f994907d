/** The demo from start to verdict. */
import { join } from "node:path";
import { VeilError } from "../core/errors.ts";
import { NEVER, pause } from "../core/runtime/backoff.ts";
import { type Arrival, followArrivals } from "./arrivals.ts";
import { findLeaks, type Leak } from "./leaks.ts";
import { show } from "./show.ts";
import { DemoStack, type RunningStack, type StackOptions } from "./stack.ts";
import { Tally } from "./tally.ts";

const POLL_MS = 100;
/** How long readings that were taken may be on their way after the sensors have stopped. */
const DRAIN_DEADLINE_MS = 60_000;

/** The last line of `--json`. */
export interface DemoResult {
  /** Readings that the agents reported as taken. */
  readonly sent: number;
  /** Different readings that arrived at the consumer. */
  readonly received: number;
  readonly lost: number;
  readonly duplicates: number;
  /** Places where a topic name or a reading was found between the two ends. */
  readonly leaks: number;
  readonly topics: readonly string[];
}

/** Runs until `--once` readings have arrived or `signal` aborts. Throws what did not start. */
export async function runDemo(
  stackOptions: StackOptions,
): Promise<{ result: DemoResult; ok: boolean }> {
  const { options, dir, signal, say } = stackOptions;
  const stack = new DemoStack(stackOptions);
  const tally = new Tally();
  const output = join(dir, "consumer-1", "output.ndjson");
  let running: RunningStack;
  let taken: number;
  let written: number;
  const playing = new AbortController();
  try {
    running = await stack.start();
    const newest = { arrival: null as Arrival | null };
    const arrivals = followArrivals(running.consumer.stdout, {
      file: output,
      tally,
      onArrival: (arrival) => {
        newest.arrival = arrival;
      },
    });
    const played = Promise.all(
      running.agents.map(({ sensor }) => sensor.play(AbortSignal.any([signal, playing.signal]))),
    );
    if (options.once === null) {
      say(`the dashboard is at ${await stack.startDashboard(running)}`);
      say("running; Ctrl-C ends it");
    } else say(`playing ${options.once} readings`);
    const showing = show(running, { newest, tally, signal: playing.signal, once: options.once });
    await untilEnough(running, tally, stackOptions);
    playing.abort();
    await Promise.all([played, showing]);
    written = running.agents.reduce((sum, { sensor }) => sum + sensor.written, 0);
    taken = await drain(running, tally, written);
    await running.consumer.stop();
    await arrivals;
  } finally {
    // Also where nothing arrived: a sensor that plays on would keep the process alive.
    playing.abort();
    await stack.stop();
  }
  const leaks = await searchLeaks(running, output);
  const { received, lost, duplicates, outOfOrder } = tally.count(taken);
  const result = {
    sent: taken,
    received,
    lost,
    duplicates,
    leaks: leaks.length,
    topics: running.topics,
  };
  for (const { file, canary, form } of leaks) say(`LEAK: ${canary} as ${form} in ${file}`);
  const untaken = written - taken;
  say(
    `${taken} readings taken (${untaken} not), ${received} received, ${lost} lost, ` +
      `${duplicates} doubled, ${outOfOrder} out of order, ${leaks.length} leaks`,
  );
  const enough = options.once === null || received >= options.once;
  const ok = enough && [lost, duplicates, outOfOrder, leaks.length, untaken].every((n) => n === 0);
  return { result, ok };
}

/** Returns when enough has arrived or the user ends it. Throws UNAVAILABLE if a part dies or nothing arrives any more. */
async function untilEnough(
  running: RunningStack,
  tally: Tally,
  { options, signal }: StackOptions,
): Promise<void> {
  const wanted = options.once ?? Number.POSITIVE_INFINITY;
  let seen = -1;
  let seenAtMs = Date.now();
  while (tally.received < wanted && (await pause(POLL_MS, signal))) {
    const dead = [running.consumer, ...running.agents.map((a) => a.process)].find(
      (p) => !p.running,
    );
    if (dead) throw new VeilError("UNAVAILABLE", `${dead.name} ended: see ${dead.logFile}`);
    if (tally.received > seen) {
      seen = tally.received;
      seenAtMs = Date.now();
    }
    if (Date.now() - seenAtMs > DRAIN_DEADLINE_MS)
      throw new VeilError("TIMEOUT", `only ${seen} readings arrived`, {
        hint: "run it again with --keep DIR and look at the logs there",
      });
  }
}

/** Waits until everything taken has arrived; how many readings the agents took. */
async function drain(running: RunningStack, tally: Tally, written: number): Promise<number> {
  const deadline = Date.now() + DRAIN_DEADLINE_MS;
  for (;;) {
    const statuses = await Promise.all(running.agents.map((agent) => agent.status()));
    const taken = statuses.reduce((sum, status) => sum + status.taken, 0);
    const isDone = taken >= written && tally.received >= taken;
    if (isDone || Date.now() > deadline) return taken;
    await pause(POLL_MS, NEVER);
  }
}

/** Throws INTERNAL if the search is blind: at the consumer's end every canary must be found. */
async function searchLeaks(running: RunningStack, output: string): Promise<Leak[]> {
  const arrived = running.agents.filter(({ sensor }) => sensor.written > 0);
  const expected = new Set(arrived.flatMap(({ topic, sensor }) => [topic, sensor.serial]));
  const control = await findLeaks([output], [...expected]);
  for (const { canary } of control.leaks) expected.delete(canary);
  if (expected.size > 0)
    throw new VeilError("INTERNAL", "the consumer's own output lacks what the search looks for");
  return (await findLeaks(running.between, running.canaries)).leaks;
}

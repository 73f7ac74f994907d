/**
 * `npm run faults -- consumer`: a consumer with `--output`, stopped at random in a stream of readings, every other time by
 * kill -9, and what is in its file at the end: each reading once, in order.
 */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { VeilError } from "../../core/errors.ts";
import { pause } from "../../core/runtime/backoff.ts";
import { parseArrival, readingOf } from "../../demo/arrivals.ts";
import { demoConsumer } from "../../demo/demo-consumer.ts";
import type { GuardedProcess } from "../../demo/guarded-process.ts";
import { DemoStack } from "../../demo/stack.ts";
import { Tally } from "../../demo/tally.ts";
import { Random } from "./random.ts";

const SENSORS = 4;
/** Mostly it is stopped in the middle of reading, sometimes before that. */
const READING_PART = 0.8;
const LIVES_MS = [0, 1500] as const;
const START_DEADLINE_MS = 30_000;
const POLL_MS = 250;
/** From when the last reading has been written to its line. */
const DRAIN_DEADLINE_MS = 180_000;

export interface StopsOptions {
  readonly readings: number;
  readonly stops: number;
  /** Readings a second, of all sensors together. */
  readonly rate: number;
  readonly seed: number;
  readonly dir: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export interface StopsResult {
  readonly readings: number;
  readonly stops: number;
  readonly kills: number;
  /** Stops before all readings were in the file. */
  readonly stopsInStream: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  readonly rejects: number;
  readonly seconds: number;
}

/** Throws what did not start, TIMEOUT where the readings do not all arrive. */
export async function stopConsumer(options: StopsOptions): Promise<StopsResult> {
  const { dir, signal, say, readings, rate } = options;
  const size = { brokers: 3, sensors: SENSORS, rate: rate / SENSORS, once: readings } as const;
  const rest = { json: false, keep: null, zookeeper: null };
  const stack = new DemoStack({ options: { ...size, ...rest }, dir, signal, say });
  const beganMs = performance.now();
  try {
    const running = await stack.start();
    await running.consumer.stop();
    const played = Promise.all(running.agents.map(({ sensor }) => sensor.play(signal)));
    const folder = join(dir, "stopped");
    const output = join(folder, "output.ndjson");
    const rejects = join(folder, "rejects.ndjson");
    const { credential, topics } = running;
    const files = { output, rejects };
    const consumer = await demoConsumer({ name: "it", folder, credential, topics, files });
    const stopped = await stopAgainAndAgain(consumer, output, options);
    await consumer.spawn();
    await played;
    const tally = await untilAllArrived(consumer, output, options);
    await consumer.stop();
    const { lost, duplicates, outOfOrder } = tally.count(readings);
    const seconds = Math.round((performance.now() - beganMs) / 1000);
    const rejected = (await readFile(rejects, "utf8")).split("\n").length - 1;
    const counts = { lost, duplicates, outOfOrder, rejects: rejected, seconds };
    return { readings: tally.received, stops: options.stops, ...stopped, ...counts };
  } finally {
    await stack.stop();
  }
}

async function stopAgainAndAgain(
  consumer: GuardedProcess,
  output: string,
  { stops, seed, readings, signal, say }: StopsOptions,
): Promise<Pick<StopsResult, "kills" | "stopsInStream">> {
  const random = new Random(seed);
  let [kills, stopsInStream] = [0, 0];
  for (let stop = 0; stop < stops; stop += 1) {
    await consumer.spawn();
    if (random.next() < READING_PART) await grows(output, signal);
    await pause(random.between(...LIVES_MS), signal);
    const isKill = stop % 2 === 0;
    if (isKill) {
      kills += 1;
      await consumer.kill("SIGKILL");
    } else await consumer.stop();
    if ((await tallyOf(output)).received < readings) stopsInStream += 1;
    const how = isKill ? "kill -9" : "stopped";
    say(`${stop + 1} of ${stops}: ${how} with ${await sizeOf(output)} bytes written`);
  }
  return { kills, stopsInStream };
}

/** Throws TIMEOUT where they do not, or where the consumer ends before. */
async function untilAllArrived(
  consumer: GuardedProcess,
  output: string,
  { readings, signal }: StopsOptions,
): Promise<Tally> {
  const deadline = Date.now() + DRAIN_DEADLINE_MS;
  for (;;) {
    const tally = await tallyOf(output);
    if (tally.received >= readings) return tally;
    if (!consumer.running || Date.now() > deadline)
      throw new VeilError("TIMEOUT", `not everything arrived: see ${consumer.logFile}`);
    if (!(await pause(POLL_MS, signal))) throw new VeilError("STOPPED", "interrupted");
  }
}

/** Resolves when more is in the file than at the call, or after a while. */
async function grows(path: string, signal: AbortSignal): Promise<void> {
  const before = await sizeOf(path);
  const deadline = Date.now() + START_DEADLINE_MS;
  while ((await sizeOf(path)) <= before && Date.now() < deadline)
    if (!(await pause(POLL_MS, signal))) return;
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0;
}

/** The whole lines of the output so far. */
async function tallyOf(path: string): Promise<Tally> {
  const tally = new Tally();
  const text = await readFile(path, "utf8").catch(() => "");
  for (const line of text.split("\n").slice(0, -1)) {
    const { sensor, count } = readingOf(parseArrival(line));
    tally.arrived(sensor, count);
  }
  return tally;
}

/** A consumer in front of both names of a topic: whatever comes first, each producer's readings stay in order. */
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { expect, test, vi } from "vitest";
import { Consumer } from "../../agent/consumer/consumer.ts";
import { FORMATS } from "../../agent/consumer/formats.ts";
import { FormattedSink } from "../../agent/consumer/reading-sink.ts";
import { StreamSink } from "../../agent/consumer/sinks.ts";
import type { Credential } from "../../core/wire/credential.ts";
import { Random } from "../faults/random.ts";
import { testFolder } from "../support/folder.ts";
import { silentLog } from "../support/kafka.ts";
import { TOPIC, TwoNames } from "./rotation/two-names.ts";

const WAIT = { timeout: 50_000, interval: 20 };
const PRODUCERS = ["p1", "p2", "p3"];

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** What a consumer gives out, by producer, over all its runs. */
class Reader {
  readonly counts = new Map<string, number[]>();
  readonly #credential: Credential;
  readonly #stateDir: string;
  #end = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(credential: Credential, folder: string) {
    this.#credential = credential;
    this.#stateDir = join(folder, "state");
  }

  get total(): number {
    return [...this.counts.values()].reduce((sum, { length }) => sum + length, 0);
  }

  start(): void {
    this.#end = new AbortController();
    const output = new PassThrough().resume();
    const consumer = new Consumer({
      ...{ credential: this.#credential, topics: [TOPIC], stateDir: this.#stateDir },
      output: new FormattedSink(new StreamSink(output), FORMATS.ndjson),
      ...{ rejects: null, wait: true, log: silentLog },
      observer: {
        onReadings: (readings) => {
          for (const { producer, pack } of readings) {
            const own = this.counts.get(producer) ?? [];
            own.push(pack.find(({ n }) => n === "count")?.v ?? Number.NaN);
            this.counts.set(producer, own);
          }
        },
      },
    });
    this.#running = consumer.run(this.#end.signal);
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#running;
  }
}

async function makeReader(world: TwoNames): Promise<Reader> {
  return new Reader(world.credential(), await testFolder());
}

test("everything is there already, the old name long, the new one short", async () => {
  const OLD = 3000;
  const NEW = 50;
  const world = new TwoNames();
  await world.start();
  for (const epoch of [1, 2]) await world.open(epoch);
  for (const producer of PRODUCERS) await world.write(producer, 1, range(0, OLD));
  for (const producer of PRODUCERS) await world.write(producer, 2, range(OLD, OLD + NEW));
  const reader = await makeReader(world);
  reader.start();
  const total = PRODUCERS.length * (OLD + NEW);
  await vi.waitFor(() => expect(reader.total).toBe(total), WAIT);
  await reader.stop();
  for (const producer of PRODUCERS)
    expect(reader.counts.get(producer)).toEqual(range(0, OLD + NEW));
});

test("both are written at once, each producer changing at its own time, and the consumer stops and starts", async () => {
  const random = new Random(11);
  const world = new TwoNames();
  await world.start();
  await world.open(1);
  const reader = await makeReader(world);
  reader.start();
  const written = new Map(PRODUCERS.map((producer) => [producer, 0]));
  for (let round = 0; round < 30; round++) {
    if (round === 5) await world.open(2);
    for (const [n, producer] of PRODUCERS.entries()) {
      const from = written.get(producer) ?? 0;
      const to = from + Math.floor(random.between(1, 200));
      await world.write(producer, round < 8 * (n + 1) ? 1 : 2, range(from, to));
      written.set(producer, to);
    }
    if (round % 7 === 6) {
      await reader.stop();
      reader.start();
    }
  }
  const total = [...written.values()].reduce((sum, count) => sum + count, 0);
  await vi.waitFor(() => expect(reader.total).toBe(total), WAIT);
  await reader.stop();
  for (const [producer, count] of written)
    expect(reader.counts.get(producer)).toEqual(range(0, count));
});

test("a producer comes back and makes the old name, when the new one has been read for long", async () => {
  const world = new TwoNames();
  await world.start();
  await world.open(2);
  await world.write("p1", 2, range(0, 100));
  const reader = await makeReader(world);
  reader.start();
  await vi.waitFor(() => expect(reader.total).toBe(100), WAIT);
  await world.open(1);
  await world.write("p2", 1, range(0, 2000));
  await world.write("p2", 2, range(2000, 2050));
  await vi.waitFor(() => expect(reader.total).toBe(2150), WAIT);
  await reader.stop();
  expect(reader.counts.get("p2")).toEqual(range(0, 2050));
});

test("what waited in an outbox until the old name had ended comes under the new one: once, and before what is newer", async () => {
  const world = new TwoNames();
  await world.start();
  for (const epoch of [1, 2]) await world.open(epoch);
  await world.write("p1", 1, range(0, 1000));
  await world.carry("p1", 20, range(1000, 1050));
  await world.write("p1", 2, range(1050, 1060));
  const reader = await makeReader(world);
  reader.start();
  await vi.waitFor(() => expect(reader.total).toBeGreaterThanOrEqual(1060), WAIT);
  await reader.stop();
  // Under its new name, after a restart as well.
  await world.write("p1", 2, range(1060, 1070));
  reader.start();
  await vi.waitFor(() => expect(reader.counts.get("p1")?.at(-1)).toBe(1069), WAIT);
  await reader.stop();
  expect(reader.counts.get("p1")).toEqual(range(0, 1070));
});

/** The outbox against a model: lists in memory, and what a stop, a crash or a torn write may do to them. */
import { appendFile, cp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { StreamId } from "../../../../agent/device/outbox/entry.ts";
import { Outbox } from "../../../../agent/device/outbox/outbox.ts";
import { testFolder } from "../../../support/folder.ts";
import { A, B, record, texts, unsent } from "./fixture.ts";

type Step =
  | { do: "append"; streams: StreamId[]; bytes: number }
  | { do: "acknowledge"; stream: StreamId; share: number }
  | { do: "refuse"; stream: StreamId; share: number }
  | { do: "reopen"; tornBytes: number }
  | { do: "crash" };

const stream = fc.constantFrom(A, B);
const share = fc.double({ min: 0, max: 1, noNaN: true });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      streams: fc.array(stream, { minLength: 1, maxLength: 8 }),
      bytes: fc.integer({ min: 1, max: 200 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("acknowledge" as const), stream, share }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("refuse" as const), stream, share }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("reopen" as const),
      tornBytes: fc.integer({ min: 0, max: 40 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("crash" as const) }) },
);

/** One outbox with what it should hold. */
class Run {
  readonly #root: string;
  #life = 0;
  #count = 0;
  #outbox: Outbox;
  readonly waiting = new Map<StreamId, string[]>([
    [A, []],
    [B, []],
  ]);

  constructor(root: string) {
    this.#root = root;
    this.#outbox = this.#make();
  }

  #make(): Outbox {
    return new Outbox({
      folder: join(this.#folder, "outbox"),
      rejectedFolder: join(this.#folder, "rejected"),
      syncIntervalMs: 0,
      segmentBytes: 700,
    });
  }

  get #folder(): string {
    return join(this.#root, `life-${this.#life}`);
  }

  async run(steps: readonly Step[]): Promise<void> {
    this.#outbox = this.#make();
    await this.#outbox.start();
    for (const step of steps) {
      await this.#do(step);
      await this.#check();
    }
    await this.#outbox.stop();
  }

  async #do(step: Step): Promise<void> {
    if (step.do === "append") await this.#append(step.streams, step.bytes);
    else if (step.do === "reopen") await this.#reopen(step.tornBytes);
    else if (step.do === "crash") await this.#crash();
    else {
      const waiting = this.waiting.get(step.stream) ?? [];
      const index = Math.floor(step.share * (waiting.length - 1));
      const entry = (await unsent(this.#outbox, step.stream))[index];
      if (!entry) return;
      if (step.do === "refuse") {
        await this.#outbox.reject(entry, "BAD_RECORD");
        waiting.splice(index, 1);
      } else {
        this.#outbox.acknowledge(entry);
        waiting.splice(0, index + 1);
      }
    }
  }

  async #append(streams: readonly StreamId[], bytes: number): Promise<void> {
    const entries = streams.map((stream) => {
      const text = `${++this.#count}`.padStart(bytes, ".");
      this.waiting.get(stream)?.push(text);
      return record(stream, text);
    });
    await this.#outbox.append(entries);
  }

  async #reopen(tornBytes: number): Promise<void> {
    await this.#outbox.stop();
    const folder = join(this.#folder, "outbox");
    const newest = (await readdir(folder)).sort().at(-1);
    if (newest) await appendFile(join(folder, newest), Buffer.alloc(tornBytes, 7));
    this.#outbox = this.#make();
    await this.#outbox.start();
    await this.#forgetRefusals();
  }

  /** As kill -9: what the files hold now is all there is. Acknowledgements may be lost, nothing else. */
  async #crash(): Promise<void> {
    const before = this.#folder;
    this.#life++;
    // A segment may be removed while it is copied: then the moment of the crash is a little later.
    for (let copied = false; !copied; )
      copied = await cp(before, this.#folder, { recursive: true }).then(
        () => true,
        () => rm(this.#folder, { recursive: true, force: true }).then(() => false),
      );
    await this.#outbox.stop();
    this.#outbox = this.#make();
    await this.#outbox.start();
    await this.#forgetRefusals();
  }

  /** Refused entries in mid-stream and unwritten marks come again after a restart: the rest must be a tail. */
  async #forgetRefusals(): Promise<void> {
    for (const [stream, waiting] of this.waiting) {
      const now = texts(await unsent(this.#outbox, stream));
      const kept = now.filter((text) => waiting.includes(text));
      expect(kept).toEqual(waiting);
      waiting.splice(0, waiting.length, ...now);
    }
  }

  async #check(): Promise<void> {
    for (const [stream, waiting] of this.waiting) {
      const entries = await unsent(this.#outbox, stream);
      expect(texts(entries)).toEqual(waiting);
      const sequences = entries.map(({ sequence }) => sequence);
      expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
    }
  }
}

test("whatever is appended, acknowledged, refused, torn and killed: all that was taken, once, in order", async () => {
  const root = await testFolder();
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), (steps) =>
      new Run(join(root, `${++runs}`)).run(steps),
    ),
    { numRuns: 60 },
  );
});

test("a clean stop loses no acknowledgement", async () => {
  const root = await testFolder();
  let runs = 0;
  const clean = step.filter(({ do: what }) => what !== "crash" && what !== "refuse");
  await fc.assert(
    fc.asyncProperty(fc.array(clean, { maxLength: 30 }), async (steps) => {
      const run = new Run(join(root, `${++runs}`));
      await run.run(steps);
      const before = [...run.waiting.values()].map((list) => [...list]);
      await run.run([{ do: "reopen", tornBytes: 0 }]);
      expect([...run.waiting.values()]).toEqual(before);
    }),
    { numRuns: 25 },
  );
});

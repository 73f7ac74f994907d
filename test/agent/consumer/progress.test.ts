import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { Marks } from "../../../agent/consumer/marks.ts";
import { Progress } from "../../../agent/consumer/progress.ts";
import type { ReadingSink } from "../../../agent/consumer/reading-sink.ts";
import type { LineSink } from "../../../agent/consumer/sinks.ts";
import { testFolder } from "../../support/folder.ts";

test("a checkpoint is written when output and rejects are durable, never before", async () => {
  const stateDir = await testFolder();
  const path = join(stateDir, "checkpoint.json");
  const seen: string[] = [];
  const sink = (name: string, length: number | null): LineSink & ReadingSink => ({
    open: async () => undefined,
    write: async () => undefined,
    flush: async () => {
      const saved = await readFile(path, "utf8").catch(() => "{}");
      seen.push(`${name} before ${JSON.parse(saved).partitions?.["veil-a/0"]?.offset ?? "any"}`);
      return length;
    },
    close: async () => undefined,
  });
  const progress = new Progress({
    stateDir,
    group: "g",
    output: sink("output", 7),
    rejects: sink("rejects", null),
    onSaved: () => seen.push("told"),
  });
  await progress.start();
  const state = progress.begin("veil-a", 0, 3n);
  await progress.save();
  progress.moveTo(state, 9n);
  await progress.save();
  await progress.stop();
  const each = (offset: string) => [`rejects before ${offset}`, `output before ${offset}`, "told"];
  expect(seen).toEqual([...each("any"), ...each("any"), ...each("3")]);
  expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({
    outputBytes: 7,
    partitions: { "veil-a/0": { offset: "9" } },
  });
});

test("a checkpoint of many producers is written more seldom", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const nothing = async () => undefined;
  const saves = vi.fn();
  const progress = new Progress({
    ...{ stateDir: await testFolder(), group: "g", rejects: null, onSaved: saves },
    output: { open: nothing, write: nothing, flush: async () => null, close: nothing },
  });
  await progress.start();
  onTestFinished(() => progress.stop());
  const savesAfter = async (ms: number) => {
    saves.mockClear();
    progress.moveTo(state, state.offset + 1n);
    vi.setSystemTime(Date.now() + ms);
    await progress.saveIfDue();
    return saves.mock.calls.length;
  };
  const marks = new Marks();
  const state = progress.begin("veil-a", 0, 0n, marks);
  expect(await savesAfter(1000)).toBe(1);
  // Some 4 MB.
  for (let n = 0; n < 1000; n++) {
    const producer = n.toString(16).padStart(16, "0");
    for (let kid = 0; kid < 110; kid++)
      marks.advance({ producer, kid: `${kid}`.padStart(32, "0"), seq: 0n });
  }
  expect(await savesAfter(1000)).toBe(1);
  expect(await savesAfter(2000)).toBe(0);
  expect(await savesAfter(2500)).toBe(1);
});

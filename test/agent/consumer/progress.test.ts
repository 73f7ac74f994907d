import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
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

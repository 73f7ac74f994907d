import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  type Checkpoint,
  readCheckpoint,
  writeCheckpoint,
} from "../../../agent/consumer/checkpoint.ts";
import { Marks } from "../../../agent/consumer/marks.ts";
import { testFolder } from "../../support/folder.ts";

const saved = {
  veilmq: "checkpoint",
  version: 1,
  group: "g",
  outputBytes: 12,
  partitions: {
    "veil-a/0": { offset: "42", marks: { ab: { kid: "cd", seq: "7", closed: ["ef"] } } },
  },
};
const [key] = Object.keys(saved.partitions);
const partition = saved.partitions["veil-a/0"];

async function checkpointFile(content: string): Promise<string> {
  const path = join(await testFolder(), "checkpoint.json");
  await writeFile(path, content);
  return path;
}

describe("a checkpoint", () => {
  test("comes back as it was written, 64 bits and all", async () => {
    const marks = new Marks();
    marks.advance({ producer: "ab", kid: "cd", seq: 2n ** 64n - 1n });
    const checkpoint: Checkpoint = {
      outputBytes: 12,
      outputFile: { path: "/a", dev: "1", ino: (2n ** 64n - 1n).toString() },
      partitions: new Map([["veil-a/0", { offset: 2n ** 63n - 1n, marks }]]),
    };
    const path = await checkpointFile("");
    await writeCheckpoint(path, "g", checkpoint);
    expect(await readCheckpoint(path, "g")).toEqual(checkpoint);
  });

  test("is empty where there is none yet", async () => {
    const path = join(await testFolder(), "checkpoint.json");
    expect(await readCheckpoint(path, "g")).toEqual({ outputBytes: null, partitions: new Map() });
  });

  test("of another group is refused", async () => {
    const path = await checkpointFile(JSON.stringify(saved));
    await expect(readCheckpoint(path, "other")).rejects.toMatchObject({ code: "CONFIG" });
  });

  test.each([
    ["cut", JSON.stringify(saved).slice(0, 60)],
    ["with an offset that is no number", withPartition(key, { ...partition, offset: "4x" })],
    ["with a mark that is none", withPartition(key, { ...partition, marks: mark("") })],
    ["with a partition without its number", withPartition("veil-a", partition)],
    ["with a length below zero", JSON.stringify({ ...saved, outputBytes: -1 })],
  ])("that is damaged (%s) is refused as such", async (_how, content) => {
    const path = await checkpointFile(content);
    await expect(readCheckpoint(path, "g")).rejects.toMatchObject({
      code: "CONFIG",
      message: `${path} is damaged`,
    });
  });
});

function withPartition(name: string | undefined, value: unknown): string {
  return JSON.stringify({ ...saved, partitions: { [name ?? ""]: value } });
}

function mark(seq: string): unknown {
  return { ab: { kid: "cd", seq, closed: [] } };
}

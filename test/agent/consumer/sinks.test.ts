import { readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FORMATS } from "../../../agent/consumer/formats.ts";
import { Progress } from "../../../agent/consumer/progress.ts";
import { FormattedSink } from "../../../agent/consumer/reading-sink.ts";
import { FileSink } from "../../../agent/consumer/sinks.ts";
import { testFolder } from "../../support/folder.ts";

test("a file is cut back to its checkpoint, and begins with its header once", async () => {
  const path = join(await testFolder(), "readings.csv");
  const run = async (length: number | null): Promise<number | null> => {
    const lines = new FileSink(path);
    const sink = new FormattedSink(lines, FORMATS.csv);
    await sink.open(length);
    await lines.write("a,b\r\n");
    const written = await sink.flush();
    await sink.close();
    return written;
  };
  const first = await run(null);
  await run(first);
  await run(first);
  const text = await readFile(path, "utf8");
  expect(text).toBe(`${FORMATS.csv.header}a,b\r\na,b\r\n`);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test("what cannot be cut back is no output file", async () => {
  const error = { code: "CONFIG", message: "/dev/null is no regular file" };
  await expect(new FileSink("/dev/null").open(null)).rejects.toMatchObject(error);
});

test("another file than the checkpoint's is left as it is", async () => {
  const folder = await testFolder();
  const [path, other] = [join(folder, "a.ndjson"), join(folder, "b.ndjson")];
  await writeFile(other, "nobody's but mine\n");
  const runTo = async (output: string): Promise<void> => {
    const sink = new FormattedSink(new FileSink(output), FORMATS.ndjson);
    const progress = new Progress({
      ...{ stateDir: join(folder, "state"), group: "g", output: sink, rejects: null },
      onSaved: () => undefined,
    });
    await progress.start().finally(() => progress.stop());
    await sink.close();
  };
  await runTo(path);
  const refusal = { code: "CONFIG", hint: expect.stringContaining("--state") };
  await expect(runTo(other)).rejects.toMatchObject(refusal);
  expect(await readFile(other, "utf8")).toBe("nobody's but mine\n");
  await rename(path, join(folder, "moved.ndjson"));
  await runTo(join(folder, "moved.ndjson"));
  // In its place, and longer.
  await writeFile(path, "x".repeat(100));
  await expect(runTo(path)).rejects.toMatchObject(refusal);
  // A checkpoint of an earlier version does not say.
  const checkpoint = join(folder, "state", "checkpoint.json");
  const { outputFile: _, ...older } = JSON.parse(await readFile(checkpoint, "utf8"));
  await writeFile(checkpoint, JSON.stringify(older));
  await runTo(path);
  expect(await readFile(path, "utf8")).toBe("");
});

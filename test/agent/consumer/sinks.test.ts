import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FORMATS } from "../../../agent/consumer/formats.ts";
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

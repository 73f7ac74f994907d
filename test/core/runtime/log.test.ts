import { type FileHandle, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createLog } from "../../../core/runtime/log.ts";
import { testFolder } from "../../support/folder.ts";

async function opened(path: string, flags: string): Promise<FileHandle> {
  const file = await open(path, flags);
  onTestFinished(() => file.close());
  return file;
}

test("a line is one JSON object with level, time and name; an error without its cause", async () => {
  const path = join(await testFolder(), "log");
  const file = await opened(path, "w");
  const log = createLog("agent", "info", file.fd);
  const error = Object.assign(new Error("no bridge", { cause: "secret" }), { code: "TIMEOUT" });
  log.warn({ err: error, port: "p" }, "waiting");
  log.debug("not asked for");
  const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      level: "warn",
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      name: "agent",
      err: { type: "Error", code: "TIMEOUT", message: "no bridge" },
      port: "p",
      msg: "waiting",
    },
  ]);
});

test("a log that cannot be written does not end the daemon, and does not fill its memory", async () => {
  const full = await opened("/dev/full", "w");
  const log = createLog("agent", "info", full.fd);
  const before = process.memoryUsage().heapUsed;
  const text = "x".repeat(1000);
  for (let n = 0; n < 20_000; n += 1) log.info(text);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(15 * 2 ** 20);
});

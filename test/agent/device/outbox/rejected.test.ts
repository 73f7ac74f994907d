import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { RejectedFolder } from "../../../../agent/device/outbox/rejected.ts";
import { testFolder } from "../../../support/folder.ts";
import { A } from "./fixture.ts";

const ENTRY = {
  stream: A,
  kind: "record",
  sequence: 1,
  ordinal: 1,
  payload: Buffer.from("sealed"),
} as const;

test("keeps what was refused, and tells what goes at its bound", async () => {
  const folder = await testFolder();
  // As earlier runs left it: as many files as there may be, with two records each.
  for (let n = 1; n <= 32; n++) {
    const name = `${String(n).padStart(13, "0")}.ndjson`;
    await writeFile(join(folder, name), '{"code":"EPOCH"}\n{"code":"EPOCH"}\n');
  }
  const dropped: number[] = [];
  const rejected = new RejectedFolder({ folder, onDropped: (records) => dropped.push(records) });
  expect(await rejected.count()).toBe(64);
  await rejected.keep(ENTRY, "BAD_RECORD", 1_000);
  expect(dropped).toEqual([2]);
  expect(await rejected.count()).toBe(63);
  const files = (await readdir(folder)).sort();
  expect(files).toHaveLength(32);
  const newest = await readFile(join(folder, files.at(-1) ?? ""), "utf8");
  expect(JSON.parse(newest)).toEqual({
    time: 1_000,
    code: "BAD_RECORD",
    stream: A,
    sequence: 1,
    kind: "record",
    payload: Buffer.from("sealed").toString("base64url"),
  });
});

/** docs/traps.md names for every trap the file that closes it and the test that guards it: all of them must be there. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { TARGETS } from "./fuzz/targets.ts";

const NOT_GUARDED = "not guarded yet";

const text = await readFile("docs/traps.md", "utf8");
const rows = text.split("\n").filter((line) => line.startsWith("| ") && !line.includes("---"));

/** As they stand in the list: from the top, or below test/. */
function filesIn(row: string): string[] {
  return [...row.matchAll(/`([\w./-]+\.(?:ts|json|xml|md))`/g)].map(([, path = ""]) =>
    existsSync(path) ? path : `test/${path}`,
  );
}

async function testsIn(row: string): Promise<string> {
  const paths = filesIn(row).filter((path) => path.endsWith(".test.ts"));
  return (await Promise.all(paths.map((path) => readFile(path, "utf8")))).join("\n");
}

test("the list is read", () => {
  expect(rows.length).toBeGreaterThan(60);
});

test.each(rows.map((row) => ({ row, trap: row.split(" | ")[0] })))("$trap", async ({ row }) => {
  expect(filesIn(row).filter((path) => !existsSync(path))).toEqual([]);
  const tests = await testsIn(row);
  const titles = [...row.matchAll(/(?<=[ (])_([^_]+)_/g)].map(([, title = ""]) => title);
  expect(titles.filter((title) => title !== NOT_GUARDED && !tests.includes(title))).toEqual([]);
  const [fuzzed = ""] = /(?<=fuzz targets? ).*/.exec(row) ?? [];
  const names = [...fuzzed.matchAll(/`([\w-]+)`/g)].map(([, name = ""]) => name);
  expect(names.filter((name) => !TARGETS.some((target) => target.name === name))).toEqual([]);
});

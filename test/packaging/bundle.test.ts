import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { hostArchitecture } from "../../packaging/architecture.ts";
import { bundle } from "../../packaging/bundle.ts";
import { testFolder } from "../support/folder.ts";

/** Each file costs the agent's start about a millisecond. */
const MAX_FILES = 25;

/** The files of the bundle that are loaded with `path`, itself among them. */
async function loadedWith(path: string, found = new Set<string>()): Promise<Set<string>> {
  if (found.has(path)) return found;
  found.add(path);
  const text = await readFile(path, "utf8");
  for (const [, file = ""] of text.matchAll(/\b(?:from|import)"(\.[^"]+\.js)"/g))
    await loadedWith(join(dirname(path), file), found);
  return found;
}

test("the agent starts from few files, every command is found without them, and all are ASCII", async () => {
  const folder = await testFolder();
  await bundle(folder, hostArchitecture());
  const names = await readdir(join(folder, "chunks"));
  const chunk = (name: string) =>
    join(folder, "chunks", names.find((file) => file.startsWith(`${name}-`)) ?? name);
  const main = join(folder, "cli", "main.js");
  const ofMain = await loadedWith(main);
  expect(ofMain).toContain(chunk("main"));
  expect(ofMain).not.toContain(chunk("core"));
  const ofAgent = await loadedWith(chunk("agent-run"));
  expect(ofAgent).toContain(chunk("core"));
  expect(ofAgent.size).toBeLessThan(MAX_FILES);
  // It is running still when a command is loaded.
  expect(ofAgent).not.toContain(main);
  for (const path of [main, ...names.map((name) => join(folder, "chunks", name))])
    expect(await readFile(path, "utf8"), path).toMatch(/^[\0-\x7f]*$/);
});

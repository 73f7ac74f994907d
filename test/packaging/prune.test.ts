import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { prune } from "../../packaging/prune.ts";
import { testFolder } from "../support/folder.ts";

test("a build keeps what has a source, and what is not of the compiler", async () => {
  const root = await testFolder();
  const kept = [
    "dist/agent/agent.d.ts",
    "dist/agent/agent.js",
    "dist/agent/agent.js.map",
    "dist/bundle/cli/main.js",
    "dist/deb/veilmq.deb",
  ];
  const stale = ["dist/agent/old.d.ts", "dist/agent/old.js", "dist/gone/gone.js"];
  for (const path of ["agent/agent.ts", ...kept, ...stale]) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), "");
  }
  expect(await prune(root)).toEqual(stale.map((path) => path.slice("dist/".length)));
  const left = await readdir(join(root, "dist"), { recursive: true, withFileTypes: true });
  const files = left.filter((entry) => entry.isFile());
  expect(files.map(({ parentPath, name }) => join(parentPath, name)).sort()).toEqual(
    kept.map((path) => join(root, path)),
  );
});

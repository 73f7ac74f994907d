import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { fileExists } from "../../core/runtime/files.ts";
import { testFolder } from "./folder.ts";

/** As vitest, it ends at once when it is told to. */
const PROGRAM = `
  import { removeAtExit } from "./dist/test/support/remove-at-exit.js";
  removeAtExit(process.argv[1]);
  removeAtExit(process.argv[2])();
  process.once("SIGTERM", () => setTimeout(() => process.exit(143), 1));
  setInterval(() => undefined, 1_000);
  console.log("up");
`;

test("a folder goes when its process is ended, unless that was called off", async () => {
  const [gone, kept] = [await testFolder(), await testFolder()];
  for (const folder of [gone, kept]) await writeFile(join(folder, "log"), "x");
  const program = spawn(process.execPath, ["--input-type=module", "-e", PROGRAM, gone, kept]);
  onTestFinished(() => void program.kill("SIGKILL"));
  await once(program.stdout, "data");
  const exited = once(program, "exit");
  program.kill("SIGTERM");
  expect(await exited).toEqual([143, null]);
  await expect.poll(() => fileExists(gone)).toBe(false);
  expect(await fileExists(kept)).toBe(true);
});

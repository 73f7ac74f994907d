import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { LEFT_OPEN } from "../../../core/runtime/lifecycle.ts";

/** A process that has stopped everything and leaves, but for what `leftOpen` opens. */
async function leaving(leftOpen: string): Promise<{ code: unknown; stdout: string }> {
  const program = `
    import { createServer } from "node:net";
    import { leave } from "${resolve("dist/core/runtime/lifecycle.js")}";
    ${leftOpen}
    process.exitCode = 3;
    leave({ warn: (fields, message) => console.log(message, fields.open.join()) });`;
  return new Promise((done) => {
    execFile(process.execPath, ["--input-type=module", "-e", program], (error, stdout) => {
      done({ code: error?.code, stdout });
    });
  });
}

test("a process ends at once where nothing is left open", async () => {
  const { code, stdout } = await leaving("");
  expect(code).toBe(3);
  expect(stdout).toBe("");
});

test("what is left open is named, and keeps the process for a moment only", async () => {
  const { code, stdout } = await leaving("createServer().listen(0);");
  expect(code).toBe(3);
  expect(stdout).toContain(LEFT_OPEN);
  expect(stdout).toContain("TCPServerWrap");
});

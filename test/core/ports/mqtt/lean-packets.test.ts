import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { packageFile } from "../../../../core/runtime/package.ts";

test("with DEBUG set, no packet is told of; not 65,536 Buffers beforehand; no stream in a parser", async () => {
  const script = packageFile("test", "core", "ports", "mqtt", "talk.mjs");
  const args = [script, packageFile("dist", "core", "ports", "mqtt")];
  const env = { ...process.env, DEBUG: "mqtt*" };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env });
  expect(stdout).toBe(
    "acknowledged, numbers made beforehand: false, a parser waits in a ByteList\n",
  );
  expect(stderr).toBe("");
});

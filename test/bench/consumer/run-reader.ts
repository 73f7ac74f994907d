/** Runs reader-process.ts to its end. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { packageFile } from "../../../core/runtime/package.ts";
import type { ReaderResult } from "./reader-process.ts";

const ENTRY = packageFile("dist", "test", "bench", "consumer", "reader-process.js");
const TIMEOUT_MS = 120_000;
const run = promisify(execFile);

/** Throws what it said on stderr, where it fails. */
export async function runReader(
  args: readonly string[],
  signal: AbortSignal,
): Promise<ReaderResult> {
  const options = { signal, timeout: TIMEOUT_MS };
  const { stdout } = await run(process.execPath, [ENTRY, ...args], options);
  const result: ReaderResult = JSON.parse(stdout);
  return result;
}

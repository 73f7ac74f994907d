/** A folder of its own for one test, removed afterwards. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

export async function testFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "veilmq-test-"));
  // What a test has just stopped may still be writing its last file.
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

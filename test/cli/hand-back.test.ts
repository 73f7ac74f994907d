/** Needs root, as the command does that it is for. */
import { chown, link, lstat, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { handBack } from "../../cli/hand-back.ts";
import { testFolder } from "../support/folder.ts";

const NOBODY = 65_534;

beforeAll(() => {
  if (process.getuid?.() !== 0) throw new Error("files are given away here: run the tests as root");
});

test("what root made is the service's; what the service led it to stays root's", async () => {
  const folder = await testFolder();
  const state = join(folder, "state");
  const outbox = join(state, "outbox");
  await mkdir(outbox, { recursive: true });
  for (const path of [join(outbox, "1.seg"), join(folder, "secret"), join(folder, "kept")])
    await writeFile(path, "");
  await symlink(join(folder, "secret"), join(outbox, "2.seg"));
  await link(join(folder, "kept"), join(outbox, "3.seg"));
  await symlink(folder, join(state, "rejected"));
  await chown(state, NOBODY, NOBODY);
  await handBack(state, "outbox");
  await handBack(state, "none");
  await expect(handBack(state, "rejected")).rejects.toThrow();
  const ownerOf = async (path: string): Promise<number> => (await lstat(path)).uid;
  expect(await ownerOf(outbox)).toBe(NOBODY);
  expect(await ownerOf(join(outbox, "1.seg"))).toBe(NOBODY);
  for (const path of [folder, join(folder, "secret"), join(folder, "kept")])
    expect(await ownerOf(path)).toBe(0);
});

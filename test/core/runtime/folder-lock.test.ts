import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FolderLock } from "../../../core/runtime/folder-lock.ts";
import { testFolder } from "../../support/folder.ts";

test("a folder is locked once, under any name, until it is released", async () => {
  const [folder, other] = [await testFolder(), await testFolder()];
  const link = join(other, "link");
  await symlink(folder, link);
  const lock = await FolderLock.take(folder);
  await expect(FolderLock.take(link)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await (await FolderLock.take(other)).release();
  await lock.release();
  await (await FolderLock.take(link)).release();
});

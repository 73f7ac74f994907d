/**
 * Where `init` and `restore` make a tenant before its folder appears: beside it, under a name of its own. A kill leaves one
 * behind, with keys in it; the next of these commands removes it.
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "../core/runtime/files.ts";
import { FolderLock } from "../core/runtime/folder-lock.ts";

/** As `mkdtemp` names them. */
const WORKSHOP = /^\.(?:init|restore)-[A-Za-z0-9]{6}$/;

/**
 * Runs `work` in a new folder below `dir`, which is gone afterwards. What earlier commands left there goes first. Throws
 * UNAVAILABLE where another command does so at the same moment.
 */
export async function inWorkshop<T>(
  { dir, command }: { readonly dir: string; readonly command: "init" | "restore" },
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const { folder, lock } = await open(dir, command);
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
    await lock.release();
  }
}

async function open(dir: string, command: string): Promise<{ folder: string; lock: FolderLock }> {
  await makeFolder(dir);
  // A workshop that is not locked yet must not look like one that was left.
  const door = await FolderLock.take(dir);
  try {
    for (const left of await leftWorkshops(dir)) await rm(left, { recursive: true, force: true });
    const folder = await mkdtemp(join(dir, `.${command}-`));
    return { folder, lock: await FolderLock.take(folder) };
  } finally {
    await door.release();
  }
}

/** Those below `dir` that no command is at work in. */
export async function leftWorkshops(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  const left: string[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory() || !WORKSHOP.test(entry.name)) continue;
    const folder = join(dir, entry.name);
    if (await isLeft(folder)) left.push(folder);
  }
  return left.sort();
}

/** `false` too where that cannot be told: it is in use, or has just gone. */
async function isLeft(folder: string): Promise<boolean> {
  const lock = await FolderLock.take(folder).catch(() => null);
  await lock?.release();
  return lock !== null;
}

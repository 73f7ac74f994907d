/**
 * The last step of a build: the compiler leaves in dist/ what it once made of sources that are no more, and that would be
 * packed, bundled and shipped. dist/ is not emptied instead, since something that runs may be about to load from it.
 */
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join, relative } from "node:path";

const COMPILED = /\.(?:js|js\.map|d\.ts)$/;
/** What `npm run bundle` and `npm run deb` make there. */
const MADE_OTHERWISE = ["bundle", "deb"];

/** Removes from `root`/dist what was not compiled from a source in `root`; returns the paths in dist/. */
export async function prune(root: string): Promise<string[]> {
  const dist = join(root, "dist");
  const entries = await readdir(dist, { recursive: true, withFileTypes: true });
  const stale = entries
    .filter((entry) => entry.isFile() && COMPILED.test(entry.name))
    .map((entry) => relative(dist, join(entry.parentPath, entry.name)))
    .filter((path) => !MADE_OTHERWISE.includes(path.split("/")[0] ?? ""))
    .filter((path) => !existsSync(join(root, path.replace(COMPILED, ".ts"))));
  await Promise.all(stale.map((path) => rm(join(dist, path))));
  return stale.sort();
}

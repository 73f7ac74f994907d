/** Files that come with the package (device profiles, captures), from the sources and from dist/ alike. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

// The package refers to itself by name: the same file, wherever this module was compiled to.
const MANIFEST = createRequire(import.meta.url).resolve("veilmq/package.json");

/** The absolute path of a file of the package, e.g. `packageFile("devices", "json-lines.yaml")`. */
export function packageFile(...segments: string[]): string {
  return join(dirname(MANIFEST), ...segments);
}

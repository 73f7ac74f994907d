/**
 * Which modules of the bundle share a file. Left to itself, rolldown makes one of every few modules that some commands have
 * in common, 45 for the agent, and each costs its start about a millisecond of the processor. So there is one file of
 * what every command loads, and one of what the agent needs of core/ with zod, which all but the shortest commands load too. Before
 * them comes one of what the bridge's mathematics needs: its threads start under load, and the other two took more of the processor
 * than the thread itself. What brings any other package stays apart: no command shall load a package that it does not use.
 */
import type { CodeSplittingGroup, Plugin, PluginContext } from "rolldown";
import { packageFile } from "../core/runtime/package.ts";
import { packageOf } from "./package-of.ts";

const MAIN = packageFile("dist", "cli", "main.js");
const AGENT = packageFile("dist", "cli", "agent-run.js");
const PROXY = packageFile("dist", "bridge", "matching", "proxy-worker.js");
const CORE = packageFile("dist", "core/");
const ZOD = "zod";

/** `plugin` finds out, when all modules are known, what the `groups` hold. */
export function sharedChunks(): { plugin: Plugin; groups: CodeSplittingGroup[] } {
  const proxy = new Set<string>();
  const main = new Set<string>();
  const core = new Set<string>();
  const plugin: Plugin = {
    name: "shared-chunks",
    buildEnd() {
      for (const id of withImports(this, PROXY)) proxy.add(id);
      proxy.delete(PROXY);
      for (const id of withImports(this, MAIN)) main.add(id);
      // It is still running when what a command imports is loaded: nothing can wait for it.
      main.delete(MAIN);
      for (const id of withImports(this, AGENT)) if (isLight(this, id)) core.add(id);
    },
  };
  const groups = [
    { name: "proxy", test: (id: string) => proxy.has(id), priority: 3 },
    { name: "main", test: (id: string) => main.has(id), priority: 2 },
    { name: "core", test: (id: string) => core.has(id), priority: 1 },
  ];
  return { plugin, groups };
}

/** Whether a module is of core/ or zod, and brings no other package. */
function isLight(context: PluginContext, id: string): boolean {
  if (!id.startsWith(CORE) && packageOf(id) !== ZOD) return false;
  return [...withImports(context, id)].every((each) => [null, ZOD].includes(packageOf(each)));
}

/** A module and all that is loaded with it: what it imports, and what that imports, but for `import()`. */
function withImports(context: PluginContext, id: string, found = new Set<string>()): Set<string> {
  if (found.has(id)) return found;
  found.add(id);
  for (const imported of context.getModuleInfo(id)?.importedIds ?? [])
    withImports(context, imported, found);
  return found;
}

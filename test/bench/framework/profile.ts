/** Where a process's time went, by V8's sampling profiler (node --cpu-prof). */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

const profileSchema = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string() }),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});

/** The part of the busy time that each place took, largest first. */
export type Shares = readonly (readonly [place: string, share: number])[];

/** Of the largest profile in `folder`: the main thread's. Throws where there is none. */
export async function profileOf(folder: string): Promise<Shares> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".cpuprofile"));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
  const [largest] = texts.sort((a, b) => b.length - a.length);
  if (largest === undefined) throw new Error("the process left no profile");
  const { nodes, samples, timeDeltas } = profileSchema.parse(JSON.parse(largest));
  const places = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
  const times = new Map<string, number>();
  let busy = 0;
  for (const [at, id] of samples.entries()) {
    const place = places.get(id) ?? "";
    if (place === "idle") continue;
    const took = timeDeltas[at] ?? 0;
    times.set(place, (times.get(place) ?? 0) + took);
    busy += took;
  }
  return [...times]
    .sort(([, a], [, b]) => b - a)
    .map(([place, time]) => [place, time / busy] as const);
}

/** A package, a folder of ours, or a part of Node. */
function placeOf({ functionName, url }: { functionName: string; url: string }): string {
  if (functionName.startsWith("(")) return functionName.slice(1, -1);
  const [, dependency] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? [];
  if (dependency !== undefined) return dependency;
  const [, ours] = /\/dist\/((?:agent\/device|bridge|core\/ports|core)\/[^/]+)/.exec(url) ?? [];
  if (ours !== undefined) return ours.replace(/\.js$/, "");
  if (url.startsWith("node:")) return url.replace("node:internal/", "node: ");
  return functionName === "" ? "other" : `native: ${functionName}`;
}

/** The jars of Kafka and ZooKeeper: resolved by Maven from demo/pom.xml once, then remembered. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { VeilError } from "../../core/errors.ts";
import { fileExists, makeFolder, replaceFile } from "../../core/runtime/files.ts";
import { MAVEN, requireTool, runTool } from "./tools.ts";

export interface ClasspathOptions {
  /** What to resolve, as `findPom` gives it; the cluster's own unless given. */
  readonly pom?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (line: string) => void;
}

/**
 * The class path for `java -cp`. It is kept in the user's cache folder under the hash of the pom and
 * used again while all its jars are there. Throws MISSING_TOOL without Maven, UNAVAILABLE if it cannot resolve.
 */
export async function resolveClasspath(options: ClasspathOptions = {}): Promise<string> {
  const { pom = findPom("pom.xml") } = options;
  const cache = join(cacheFolder(), `classpath-${await shortHash(pom)}.txt`);
  const known = await readKnown(cache);
  if (known !== undefined) return known;

  await requireTool(MAVEN);
  options.onProgress?.(
    "resolving Kafka and ZooKeeper with Maven (downloads about 60 MB the first time)",
  );
  await makeFolder(dirname(cache));
  const output = `${cache}.${process.pid}`;
  const goal = ["dependency:build-classpath", `-Dmdep.outputFile=${output}`];
  await runTool(MAVEN, ["-q", "-B", "-f", pom, ...goal], options.signal);
  const classpath = (await readFile(output, "utf8")).trim();
  await replaceFile(cache, classpath);
  return classpath;
}

/** The pom beside this folder in the sources; compiled code below dist/ finds the same file. */
export function findPom(name: "pom.xml" | "pom-kraft.xml"): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const pom = join(folder, "demo", name);
    if (existsSync(pom)) return pom;
  }
  throw new VeilError("NOT_FOUND", `demo/${name} is missing`, {
    hint: "the local cluster runs from a checkout of the repository",
  });
}

function cacheFolder(): string {
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "veilmq");
}

async function shortHash(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex")
    .slice(0, 16);
}

async function readKnown(cache: string): Promise<string | undefined> {
  const classpath = await readFile(cache, "utf8").catch(() => "");
  if (classpath === "") return undefined;
  const present = await Promise.all(classpath.split(delimiter).map(fileExists));
  return present.every(Boolean) ? classpath : undefined;
}

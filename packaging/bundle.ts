/**
 * The product as a few files: `veilmq` and what it needs of its dependencies, so that a device loads one file for the
 * agent instead of a thousand. Commands stay apart, since each is imported when it is called, and so do the entries of
 * worker threads.
 *
 *   cli/main.js  chunks/…  agent/…-worker.js  native/….node  node_modules/kafkajs/  devices/  package.json
 */
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { type OutputChunk, type Plugin, rolldown } from "rolldown";
import { z } from "zod";
import { packageFile } from "../core/runtime/package.ts";
import { type Architecture, nativeFile, PREBUILDS } from "./architecture.ts";
import { sharedChunks } from "./chunks.ts";
import { packageOf } from "./package-of.ts";

/** Shipped as they are, since they are used file by file. They need no other package. */
const WHOLE = ["kafkajs", "uplot"];
/** What mqtt.js loads for transports that `mqtt://` and `mqtts://` do not use, and what ws would take if it were there. */
const UNUSED = ["ws", "socks", "bufferutil", "utf-8-validate"];
/** What packages tell it costs time and would show packets (core/ports/mqtt/no-debug.ts). */
const DEBUG = "debug";

const manifestSchema = z.object({ name: z.string(), version: z.string() });

export interface Bundle {
  /** The packages whose code is in it, by name. */
  readonly packages: readonly string[];
}

/**
 * Makes the bundle for `architecture` in `folder`, which is emptied. dist/ must be built. `besides` are files of programs that
 * are bundled with it, by name, for whoever compares with them. Throws what rolldown does.
 */
export async function bundle(
  folder: string,
  architecture: Architecture,
  besides: Readonly<Record<string, string>> = {},
): Promise<Bundle> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, "native"), { recursive: true });
  const chunks = await writeChunks(folder, { ...Object.fromEntries(await entries()), ...besides });
  await writeManifest(folder);
  for (const path of await dataFiles())
    await cp(packageFile(path), join(folder, path), { recursive: true });
  for (const [name, files] of Object.entries(PREBUILDS))
    await cp(
      packageFile("node_modules", name, "prebuilds", files[architecture]),
      join(folder, nativeFile(name)),
    );
  return { packages: packagesOf(chunks) };
}

async function writeChunks(folder: string, input: Record<string, string>): Promise<OutputChunk[]> {
  const { plugin, groups } = sharedChunks();
  const build = await rolldown({
    input,
    platform: "node",
    // Its ES modules: those for Node are a function each, called one by one at the start (7 ms of an agent's).
    resolve: { alias: { yaml: packageFile("node_modules", "yaml", "browser", "index.js") } },
    external: (id) => WHOLE.some((name) => id === name || id.startsWith(`${name}/`)),
    plugins: [nativePlugin(), unusedPlugin(), plugin, asciiPlugin()],
    transform: {
      target: "node20",
      define: { __dirname: "import.meta.dirname", __filename: "import.meta.filename" },
    },
    logLevel: "warn",
    // Some commands import at their call what others have loaded by then.
    checks: { ineffectiveDynamicImport: false },
  });
  try {
    const { output } = await build.write({
      dir: folder,
      format: "esm",
      entryFileNames: "[name].js",
      chunkFileNames: "chunks/[name]-[hash].js",
      codeSplitting: { groups },
      // Names stay as they are: a stack trace from the field must say something.
      minify: { compress: true, mangle: false, codegen: true },
    });
    return output.filter((file) => file.type === "chunk");
  } finally {
    await build.close();
  }
}

/** The command line and every worker thread: names in the bundle, and their files. */
async function entries(): Promise<[string, string][]> {
  const found: [string, string][] = [["cli/main", packageFile("dist", "cli", "main.js")]];
  for (const area of ["agent", "bridge", "kms"])
    for (const entry of await readdir(packageFile("dist", area), {
      recursive: true,
      withFileTypes: true,
    })) {
      if (!entry.name.endsWith("-worker.js")) continue;
      const path = join(entry.parentPath, entry.name);
      found.push([relative(packageFile("dist"), path).slice(0, -".js".length), path]);
    }
  return found;
}

/** `veilmq/package.json`, by which the code finds its files, and `#workers/`. */
async function writeManifest(folder: string): Promise<void> {
  const text = await readFile(packageFile("package.json"), "utf8");
  const { name, version } = manifestSchema.parse(JSON.parse(text));
  const manifest = {
    ...{ name, version, type: "module" },
    imports: { "#workers/*": "./*.js" },
    exports: { "./package.json": "./package.json" },
  };
  await writeFile(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** What is read at run time, by its path in the package: device profiles without their captures, the dashboard's page. */
async function dataFiles(): Promise<string[]> {
  const named: [folder: string, name: RegExp][] = [
    ["devices", /\.yaml$/],
    ["agent/dashboard/page", /\.(html|css|svg)$/],
    ["dist/agent/dashboard/page", /\.js$/],
  ];
  const found = named.map(async ([folder, name]) => {
    const files = await readdir(packageFile(folder));
    return files.filter((file) => name.test(file)).map((file) => join(folder, file));
  });
  return [...(await Promise.all(found)).flat(), ...WHOLE.map((name) => join("node_modules", name))];
}

/** A package that looks for its prebuild at run time gets the one that is in the bundle. */
function nativePlugin(): Plugin {
  const prefix = "\0native:";
  return {
    name: "native",
    resolveId(source, importer) {
      if (source !== "node-gyp-build" || importer === undefined) return null;
      return prefix + packageOf(importer);
    },
    load(id) {
      if (!id.startsWith(prefix)) return null;
      const file = nativeFile(id.slice(prefix.length));
      return [
        'const { createRequire } = require("node:module");',
        'const load = createRequire(createRequire(__filename).resolve("veilmq/package.json"));',
        `module.exports = () => load("./${file}");`,
      ].join("\n");
    },
  };
}

function unusedPlugin(): Plugin {
  const prefix = "\0unused:";
  return {
    name: "unused",
    resolveId: (source) => (source === DEBUG || UNUSED.includes(source) ? prefix + source : null),
    load: (id) => {
      if (id === prefix + DEBUG) return "module.exports = () => () => undefined;";
      return id.startsWith(prefix) ? "export default {};" : null;
    },
  };
}

/**
 * Writes what is not ASCII as `\uXXXX`: of a file with one such character beyond Latin-1 V8 keeps every character in two bytes, 1.1 MB
 * more of the bridge's memory. Throws where a backslash is before one, which would make it something else.
 */
function asciiPlugin(): Plugin {
  return {
    name: "ascii",
    generateBundle(_options, files) {
      for (const file of Object.values(files)) {
        if (file.type !== "chunk") continue;
        const [escaped] = /\\[^\0-\x7f]/.exec(file.code) ?? [];
        if (escaped !== undefined) throw new Error(`${file.fileName} has ${escaped}`);
        file.code = file.code.replace(/[^\0-\x7f]/g, unicodeEscape);
      }
    },
  };
}

/** Of one UTF-16 code unit. */
function unicodeEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function packagesOf(chunks: readonly OutputChunk[]): string[] {
  const ids = chunks.flatMap(({ moduleIds }) => moduleIds);
  const names = ids.map(packageOf).filter((name) => name !== null);
  return [...new Set([...names, ...Object.keys(PREBUILDS), ...WHOLE])].sort();
}

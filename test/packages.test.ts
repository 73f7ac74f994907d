/** What is installed, and where: exact versions, nothing that a device would have to compile, nothing beyond Node 20. */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { z } from "zod";

const NODE = 20;

const manifestSchema = z.object({
  engines: z.object({ node: z.string() }),
  dependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
  allowScripts: z.record(z.string(), z.boolean()),
});
const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      dev: z.boolean().optional(),
      optional: z.boolean().optional(),
      hasInstallScript: z.boolean().optional(),
      engines: z.union([z.object({ node: z.string().optional() }), z.array(z.string())]).optional(),
    }),
  ),
});

const manifest = manifestSchema.parse(JSON.parse(await readFile("package.json", "utf8")));
const lock = lockSchema.parse(JSON.parse(await readFile("package-lock.json", "utf8")));
const installed = Object.entries(lock.packages).filter(([path]) => path !== "");

test("every version is exact", () => {
  const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
});

test("no package runs a script of its own at installation, unless it is named", () => {
  const withScript = installed
    .filter(([, { hasInstallScript, dev }]) => hasInstallScript && !dev)
    .map(([path]) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length));
  expect(Object.keys(manifest.allowScripts).sort()).toEqual([...new Set(withScript)].sort());
  expect(Object.values(manifest.allowScripts)).not.toContain(true);
});

test("no package asks for more than Node 20", () => {
  const tooNew = installed.filter(([, { engines }]) => {
    const range = Array.isArray(engines) ? undefined : engines?.node;
    return range !== undefined && !range.split("||").some(isMet);
  });
  expect(tooNew.map(([path]) => path)).toEqual([]);
  expect(manifest.engines.node).toMatch(/^>=20\./);
});

/** Whether an alternative of an `engines` range, such as `>=18.12` or `^20.0.0`, leaves Node 20 in. */
function isMet(alternative: string): boolean {
  const [, operator = "", major = ""] = /^\s*([<>=^~]*)\s*v?(\d+|\*)/.exec(alternative) ?? [];
  if (major === "*") return true;
  return operator.startsWith(">") ? Number(major) <= NODE : Number(major) === NODE;
}

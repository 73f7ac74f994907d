/** What is installed, and where: exact versions, nothing that a device would have to compile, nothing beyond our oldest Node. */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { z } from "zod";

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
/** Major, minor and patch. */
const OLDEST = (/^>=(\d+)\.(\d+)\.(\d+)$/.exec(manifest.engines.node) ?? []).slice(1).map(Number);
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

test("no package asks for more than the oldest Node that we take", () => {
  const tooNew = installed.filter(([, { engines }]) => {
    const range = Array.isArray(engines) ? undefined : engines?.node;
    return range !== undefined && !range.split("||").some(isMet);
  });
  expect(tooNew.map(([path]) => path)).toEqual([]);
});

test.each([
  [">=20.20", false],
  [">=20.19.0", true],
  ["^20.0.0 ", true],
  ["^20.19.1", false],
  [">=18 <20", false],
  ["~20.19", true],
  ["20", true],
  ["22", false],
  ["*", true],
])("%j leaves the oldest Node that we take in: %s", (range, expected) => {
  expect(isMet(range)).toBe(expected);
});

/** Whether an alternative of an `engines` range, such as `>=18.12 <23` or `^20.0.0`, leaves OLDEST in. */
function isMet(alternative: string): boolean {
  const comparator = /^([<>=^~]*)\s*v?(\d+|\*)(?:\.(\d+|x))?(?:\.(\d+|x))?(?:\s+|$)/;
  let rest = alternative.trim();
  while (rest !== "") {
    const [whole, operator = "", ...parts] = comparator.exec(rest) ?? [];
    if (whole === undefined) throw new Error(`not understood: ${alternative}`);
    const wanted = parts.slice(0, 3).map(Number).filter(Number.isInteger);
    if (!isWithin(operator, wanted)) return false;
    rest = rest.slice(whole.length);
  }
  return true;
}

/** `wanted`: major, minor and patch, as far as they are given; none is any. */
function isWithin(operator: string, wanted: readonly number[]): boolean {
  // Where the first difference is, and how large: a part that is not given is 0.
  const at = OLDEST.findIndex((part, index) => part !== (wanted[index] ?? 0));
  const difference = at < 0 ? 0 : (OLDEST[at] ?? 0) - (wanted[at] ?? 0);
  const sameParts = at < 0 ? OLDEST.length : at;
  if (wanted.length === 0) return true;
  if (operator === ">=") return difference >= 0;
  if (operator === "<") return difference < 0;
  if (operator === "^") return difference >= 0 && sameParts >= 1;
  if (operator === "~") return difference >= 0 && sameParts >= Math.min(wanted.length, 2);
  if (operator === "" || operator === "=") return sameParts >= wanted.length;
  throw new Error(`an operator that is not understood: ${operator}`);
}

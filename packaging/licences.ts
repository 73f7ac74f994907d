/** Under which terms the code of others is passed on: each package's own file, as its licence asks for. */
import { readdir, readFile } from "node:fs/promises";
import { z } from "zod";
import { VeilError } from "../core/errors.ts";
import { packageFile } from "../core/runtime/package.ts";

const LICENCE_FILE = /^(licen[cs]e|copying)(\.(md|txt))?$/i;

const manifestSchema = z.object({ version: z.string(), license: z.string() });

/** One text for all `packages`. Throws INTERNAL for one that says nothing of its licence. */
export async function licenceTexts(packages: readonly string[]): Promise<string> {
  const parts = await Promise.all(packages.map(licenceText));
  return parts.join(`\n${"-".repeat(80)}\n\n`);
}

async function licenceText(name: string): Promise<string> {
  const folder = packageFile("node_modules", name);
  const text = await readFile(packageFile("node_modules", name, "package.json"), "utf8");
  const manifest = manifestSchema.safeParse(JSON.parse(text));
  if (!manifest.success)
    throw new VeilError("INTERNAL", `${name} does not say under which licence it is`);
  const { version, license } = manifest.data;
  const file = (await readdir(folder)).find((entry) => LICENCE_FILE.test(entry));
  const terms =
    file === undefined ? "" : await readFile(packageFile("node_modules", name, file), "utf8");
  return `${name} ${version}: ${license}\n\n${terms.trim()}\n`;
}

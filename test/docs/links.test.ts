/** What documents and code refer to is there: linked files and headings, sections of PROTOCOL.md, documents by name. */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

const CODE = ["agent", "bridge", "cli", "core", "demo", "devices", "kms", "packaging", "systemd"];

const read = (path: string): Promise<string> => readFile(path, "utf8");

async function filesBelow(folder: string, ending: RegExp): Promise<string[]> {
  const paths = await readdir(folder, { recursive: true });
  return paths.filter((path) => ending.test(path)).map((path) => join(folder, path));
}

/** As GitHub names a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
}

const documents = ["README.md", "CHANGELOG.md", ...(await filesBelow("docs", /\.md$/))];
const code = (
  await Promise.all(CODE.map((folder) => filesBelow(folder, /\.ts$|\.service$/)))
).flat();

test.each(documents)("the links of %s lead somewhere", async (document) => {
  const missing = [];
  for (const [, link = ""] of (await read(document)).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
    const [path = "", anchor] = link.split("#");
    const target = path ? join(dirname(document), path) : document;
    if (!existsSync(target)) missing.push(link);
    else if (anchor !== undefined) {
      const headings = (await read(target)).matchAll(/^#+ (.*)$/gm);
      if (![...headings].some(([, heading = ""]) => anchorOf(heading) === anchor))
        missing.push(link);
    }
  }
  expect(missing).toEqual([]);
});

test("documents that are named by their path are there", async () => {
  const missing = [];
  for (const path of [...documents, ...code])
    for (const [named] of (await read(path)).matchAll(
      /(?<![\w./-])docs\/[\w./-]+\.(?:md|mjs|json)\b/g,
    ))
      if (!existsSync(named)) missing.push(`${path}: ${named}`);
  expect(missing).toEqual([]);
});

test("sections of PROTOCOL.md that are named are there", async () => {
  const protocol = await read("docs/PROTOCOL.md");
  const sections = new Set(
    [...protocol.matchAll(/^#+ (\d(?:\.\d)?)\.? /gm)].map(([, n = ""]) => n),
  );
  expect(sections.size).toBeGreaterThan(7);
  const missing = [];
  for (const path of [...documents, ...code])
    for (const [, section = ""] of (await read(path)).matchAll(/PROTOCOL\.md §(\d(?:\.\d)?)/g))
      if (!sections.has(section)) missing.push(`${path}: §${section}`);
  expect(missing).toEqual([]);
});

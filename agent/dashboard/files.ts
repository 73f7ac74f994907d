/** The page's own files: a closed list, read once. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { packageFile } from "../../core/runtime/package.ts";
import type { Answer } from "./answer.ts";

const TYPES = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
} as const;

/** Written by hand, beside this file's source. */
const STATIC = ["index.html", "login.html", "style.css", "login.css", "icon.svg"] as const;
/** Compiled from page/*.ts. */
const MODULES = [
  "card",
  "cards",
  "chart",
  "dom",
  "empty",
  "format",
  "hops",
  "keys",
  "main",
  "model",
  "route",
  "seen",
  "stream",
  "summary",
  "theme",
  "tree",
] as const;

export class Files {
  readonly #files = new Map<string, Answer>();

  /** Throws the system's error if the package is not whole. */
  async load(): Promise<void> {
    const require = createRequire(import.meta.url);
    const chart = require.resolve("uplot/dist/uPlot.esm.js");
    await Promise.all([
      ...STATIC.map((name) => this.#add(name, packageFile("agent", "dashboard", "page", name))),
      ...MODULES.map((name) =>
        this.#add(`${name}.js`, packageFile("dist", "agent", "dashboard", "page", `${name}.js`)),
      ),
      this.#add("vendor/uplot.js", chart),
      this.#add("vendor/uplot.css", require.resolve("uplot/dist/uPlot.min.css")),
    ]);
  }

  /** By its path below `/page/`; undefined where there is none. */
  find(name: string): Answer | undefined {
    return this.#files.get(name);
  }

  async #add(name: string, path: string): Promise<void> {
    const extension = name.slice(name.lastIndexOf(".") + 1);
    const type = TYPES[extension as keyof typeof TYPES];
    // Asked for again each time: a page and its server are of one version.
    const headers = { "cache-control": "no-cache" };
    this.#files.set(name, { status: 200, type, body: await readFile(path), headers });
  }
}

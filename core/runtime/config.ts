/** YAML configuration against a schema; all problems at once, each with line and field, before anything starts. */
import { readFile } from "node:fs/promises";
import { type Document, isMap, isScalar, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { VeilError } from "../errors.ts";

/** Reads `path` and returns its value. Throws CONFIG with one line per problem. */
export async function loadConfig<S extends z.ZodType>(
  path: string,
  schema: S,
): Promise<z.infer<S>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new VeilError("CONFIG", `cannot read ${path}`, { cause });
  }
  return parseConfig(text, schema, path);
}

/** As `loadConfig` for a text; `source` names it in messages. */
export function parseConfig<S extends z.ZodType>(
  text: string,
  schema: S,
  source: string,
): z.infer<S> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  if (document.errors.length > 0)
    throw problems(
      source,
      document.errors.map((e) => ({ line: lines.linePos(e.pos[0]).line, text: e.code })),
    );
  const result = schema.safeParse(document.toJS() ?? {});
  if (result.success) return result.data;
  throw problems(
    source,
    result.error.issues.map((issue) => ({
      line: lineOf(document, issue.path, lines),
      text: `${issue.path.map(String).join(".") || "(file)"}: ${issue.message}`,
    })),
  );
}

function problems(source: string, found: { line: number; text: string }[]): VeilError {
  const list = found.map((p) => `  ${source}:${p.line}: ${p.text}`).join("\n");
  return new VeilError("CONFIG", `${found.length} problem(s) in ${source}\n${list}`);
}

/** The line of the deepest part of `path` that the document has. */
function lineOf(document: Document, path: readonly PropertyKey[], lines: LineCounter): number {
  for (let depth = path.length; depth > 0; depth--) {
    const parent = document.getIn(path.slice(0, depth - 1), true) ?? document.contents;
    const name = path[depth - 1];
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isScalar(item.key) && item.key.value === name);
      if (pair && isScalar(pair.key) && pair.key.range)
        return lines.linePos(pair.key.range[0]).line;
    }
    const node = document.getIn(path.slice(0, depth), true);
    if (isScalar(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

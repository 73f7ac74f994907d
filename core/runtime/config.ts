/** YAML configuration against a schema; all problems at once, each with line and field, before anything starts. */
import { readFile } from "node:fs/promises";
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { VeilError } from "../errors.ts";
import { cannotRead } from "./why-not.ts";

/** Reads `path` and returns its value. Throws CONFIG with one line per problem. */
export async function loadConfig<S extends z.ZodType>(
  path: string,
  schema: S,
): Promise<z.infer<S>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw cannotRead(path, cause, { code: "CONFIG" });
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
  // Checks that are made once are not worth being compiled: that took an agent's start 15 ms.
  const result = schema.safeParse(contentOf(document, source) ?? {}, { jitless: true });
  if (result.success) return result.data;
  throw problems(
    source,
    result.error.issues.flatMap(problemsOf).map(({ path, text }) => ({
      line: lineOf(document, path, lines),
      text: `${path.map(String).join(".") || "(file)"}: ${text}`,
    })),
  );
}

/** An alias without its anchor, or more of them than any file needs, comes to light only here. */
function contentOf(document: Document, source: string): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    throw new VeilError("CONFIG", `an alias (*name) in ${source} cannot be followed`, { cause });
  }
}

interface Problem {
  readonly path: readonly PropertyKey[];
  readonly text: string;
}

/** An unknown key is a problem of its own, at its own line; so is each in what an alternative holds. */
function problemsOf(issue: z.core.$ZodIssue): Problem[] {
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({ path: [...issue.path, key], text: "is not known here" }));
  if (issue.code === "invalid_union") {
    // The alternative that was meant is the one of the right shape: its problems lie inside of it.
    const meant = issue.errors.find((issues) => issues.every(({ path }) => path.length > 0));
    if (meant)
      return meant
        .flatMap(problemsOf)
        .map(({ path, text }) => ({ path: [...issue.path, ...path], text }));
  }
  return [{ path: issue.path, text: issue.message }];
}

function problems(source: string, found: { line: number; text: string }[]): VeilError {
  const list = found.map((p) => `  ${source}:${p.line}: ${p.text}`).join("\n");
  return new VeilError("CONFIG", `${found.length} problem(s) in ${source}\n${list}`);
}

/** The line of the deepest part of `path` that the document has. */
function lineOf(document: Document, path: readonly PropertyKey[], lines: LineCounter): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const step of path) {
    const pair = isMap(node)
      ? node.items.find((p) => isScalar(p.key) && p.key.value === step)
      : undefined;
    const item = isSeq(node) && typeof step === "number" ? node.items[step] : undefined;
    const found = pair?.key ?? item;
    if (!isNode(found) || !found.range) break;
    offset = found.range[0];
    node = pair ? pair.value : item;
  }
  return lines.linePos(offset).line;
}

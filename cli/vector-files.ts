/** Reads files of test vectors and says how each compares. */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { VeilError } from "../core/errors.ts";
import { checkVectors, type VectorReport } from "../core/scheme/vectors/check.ts";
import { printJson, printLine, printNote, reportError } from "./messages.ts";
import { checkWireVectors } from "./wire-vectors.ts";

interface VectorFile {
  readonly path: string;
  readonly json: unknown;
}

/**
 * Prints a line per file. `false` if one differs, or could not be checked, which goes to stderr; so does what a file says
 * beside.
 */
export async function checkVectorFiles(
  paths: readonly string[],
  { json = false }: { readonly json?: boolean | undefined },
): Promise<boolean> {
  const files: VectorFile[] = [];
  let allWell = true;
  for (const path of paths) {
    try {
      files.push({ path, json: await readJson(path) });
    } catch (error) {
      reportError(error, { json });
      allWell = false;
    }
  }
  for (const file of files) {
    try {
      const report = await check(file, files);
      if (json) printJson({ file: file.path, ok: !report.difference, ...report });
      else printReport(file.path, report);
      allWell &&= !report.difference;
    } catch (error) {
      reportError(named(file.path, error), { json });
      allWell = false;
    }
  }
  return allWell;
}

async function check(file: VectorFile, given: readonly VectorFile[]): Promise<VectorReport> {
  const onTheWire = await checkWireVectors(file.json);
  if (onTheWire) return onTheWire;
  if (!hasField(file.json, "kind", "record")) return checkVectors(file.json);
  const beside = await readJson(join(dirname(file.path), "rsa.json")).catch(() => undefined);
  const companions = [...given.map(({ json }) => json), beside].filter(
    (json) => hasField(json, "suite", "rsa") && !hasField(json, "kind", "record"),
  );
  // Only the right modulus gives the file's answers, so any agreement is the true one.
  const reports = [...companions, undefined].map(
    (companion) => () => checkVectors(file.json, companion),
  );
  let first: VectorReport | undefined;
  for (const run of reports) {
    const report = run();
    if (!report.difference) return report;
    first ??= report;
  }
  if (!first) throw new VeilError("INTERNAL", "no comparison was made");
  return first;
}

function printReport(path: string, report: VectorReport): void {
  const { suite, cases, difference, unchecked = [] } = report;
  if (difference) {
    printLine(`${path}: ${suite}: ${difference.where} differs`);
    printLine(`  expected ${difference.expected}`);
    printLine(`  got      ${difference.got}`);
    return;
  }
  printLine(`${path}: ${suite}: ${cases} ${cases === 1 ? "case" : "cases"} ok`);
  for (const what of unchecked) printNote(`note: ${path}: not checked: ${what}`);
}

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (!isFolder(error)) throw error;
    throw new VeilError("BAD_ARGUMENT", `${path}: is a folder`, {
      hint: `its files are wanted, such as ${join(path, "*.json")}`,
    });
  });
  try {
    // Some editors begin a file with a mark of its byte order.
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    throw new VeilError("BAD_ARGUMENT", `${path}: not valid JSON`);
  }
}

function isFolder(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EISDIR";
}

function hasField(json: unknown, name: string, value: string): boolean {
  return (
    typeof json === "object" &&
    json !== null &&
    Object.entries(json).some(([key, entry]) => key === name && entry === value)
  );
}

function named(path: string, error: unknown): unknown {
  if (!(error instanceof VeilError)) return error;
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return new VeilError(error.code, `${path}: ${error.message}`, hint);
}

/**
 * Holds a vector file against this build: every value of the file that can be recomputed is, through
 * the roles that production uses. The reading of files is the caller's.
 */
import { VeilError } from "../../errors.ts";
import type { Comparison, Comparisons } from "./comparison.ts";
import { Fields } from "./fields.ts";
import { compareHmac } from "./hmac.ts";
import { NAMES } from "./names.ts";
import { compareP256 } from "./p256.ts";
import { comparePaper } from "./paper.ts";
import { comparePki } from "./pki.ts";
import { compareRecord } from "./record.ts";
import { compareRfc } from "./rfc.ts";
import { compareRsa } from "./rsa.ts";

/** What became of a vector file. */
export interface VectorReport {
  /** A suite, `record` for a file of records, or `rfc`. */
  readonly suite: string;
  readonly cases: number;
  /** The first value that differs: `expected` by the file, `got` by this build. */
  readonly difference?: Comparison;
  /** Where none differs: what nothing in the file can be held against, and fields of unknown names. */
  readonly unchecked?: readonly string[];
}

/**
 * Checks one parsed vector file. A record file of suite `rsa` that does not hold its modulus is checked under
 * that of `companion`, the parsed file of suite `rsa` it refers to, or else under the published modulus.
 * Throws BAD_ARGUMENT "unknown vector shape" for a file of another kind, and BAD_ARGUMENT for a
 * malformed or missing field.
 */
export function checkVectors(json: unknown, companion?: unknown): VectorReport {
  return reportOf(shapeOf(Fields.of(json), json, companion));
}

/** Makes the comparisons, to the first difference. Throws BAD_ARGUMENT where a case says nothing that can be checked. */
export function reportOf({ suite, file, comparisons }: VectorShape): VectorReport {
  const cases = file.cases();
  const report = { suite, cases: cases.length };
  const compared = new Set<string>();
  for (const comparison of comparisons) {
    if (comparison.expected !== comparison.got) return { ...report, difference: comparison };
    compared.add(comparison.where.replace(/\..*$/s, ""));
  }
  const silent = cases.findIndex((one, index) =>
    one === file ? compared.size === 0 : !compared.has(`cases[${index}]`),
  );
  if (silent >= 0)
    throw new VeilError(
      "BAD_ARGUMENT",
      `case ${silent + 1} of the vector file says nothing that can be checked`,
    );
  const unchecked = file.unchecked();
  return unchecked.length > 0 ? { ...report, unchecked } : report;
}

/** A file, and what is to be compared of it. */
export interface VectorShape {
  readonly suite: string;
  readonly file: Fields;
  readonly comparisons: Comparisons;
}

function shapeOf(said: Fields, json: unknown, companion: unknown): VectorShape {
  const shape = said.text("kind") ?? said.text("suite") ?? "";
  const file = Fields.of(json, NAMES[shape]);
  // They say what the file is, which is all that is to be made of them. Cases may repeat it.
  for (const name of ["kind", "suite"])
    for (const one of [file, ...file.cases()]) {
      const own = one.text(name);
      if (own !== undefined && own !== file.text(name) && (name === "kind" || shape !== "record"))
        throw new VeilError("BAD_ARGUMENT", `${one.where(name)} is another than the file's`);
    }
  return { suite: shape, file, comparisons: comparisonsOf(shape, file, companion) };
}

function comparisonsOf(shape: string, file: Fields, companion: unknown): Comparisons {
  switch (shape) {
    case "record":
      return compareRecord(
        file,
        companion === undefined ? undefined : Fields.of(companion, NAMES["rsa"]),
      );
    case "rfc":
      return compareRfc(file);
    case "rsa":
      return compareRsa(file);
    case "p256":
      return compareP256(file);
    case "hmac":
      return compareHmac(file);
    case "pki":
      return comparePki(file);
    case "paper":
      return comparePaper(file);
    default:
      throw new VeilError("BAD_ARGUMENT", "unknown vector shape", {
        hint: 'a vector file says "suite": "rsa", "p256", "hmac", "pki" or "paper", or "kind": "record", "announcement", "document", "mail" or "rfc"',
      });
  }
}

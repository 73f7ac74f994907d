/**
 * Holds a vector file against this build: every value of the file that can be recomputed is, through
 * the roles that production uses. The reading of files is the caller's.
 */
import { VeilError } from "../../errors.ts";
import type { Comparison, Comparisons } from "./comparison.ts";
import { Fields } from "./fields.ts";
import { compareHmac } from "./hmac.ts";
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
}

/**
 * Checks one parsed vector file. A record file of suite `rsa` that does not hold its modulus is checked under
 * that of `companion`, the parsed file of suite `rsa` it refers to, or else under the published modulus.
 * Throws BAD_ARGUMENT "unknown vector shape" for a file of another kind, and BAD_ARGUMENT for a
 * malformed or missing field.
 */
export function checkVectors(json: unknown, companion?: unknown): VectorReport {
  const file = new Fields(json);
  const { suite, comparisons } = shapeOf(file, companion);
  const report = { suite, cases: file.cases().length };
  for (const comparison of comparisons)
    if (comparison.expected !== comparison.got) return { ...report, difference: comparison };
  return report;
}

function shapeOf(file: Fields, companion: unknown): { suite: string; comparisons: Comparisons } {
  const kind = file.text("kind");
  if (kind === "record") {
    const other = companion === undefined ? undefined : new Fields(companion);
    return { suite: kind, comparisons: compareRecord(file, other) };
  }
  if (kind === "rfc") return { suite: kind, comparisons: compareRfc(file) };
  const suite = file.text("suite");
  switch (suite) {
    case "rsa":
      return { suite, comparisons: compareRsa(file) };
    case "p256":
      return { suite, comparisons: compareP256(file) };
    case "hmac":
      return { suite, comparisons: compareHmac(file) };
    case "pki":
      return { suite, comparisons: comparePki(file) };
    case "paper":
      return { suite, comparisons: comparePaper(file) };
    default:
      throw new VeilError("BAD_ARGUMENT", "unknown vector shape", {
        hint: 'a vector file says "suite": "rsa", "p256", "hmac", "pki" or "paper", or "kind": "record" or "rfc"',
      });
  }
}

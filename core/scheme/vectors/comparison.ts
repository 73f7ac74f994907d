/** One value of a vector file beside the same value as this build computes it. */
import { isVeilError } from "../../errors.ts";
import type { Fields } from "./fields.ts";

/** Equal where `expected` (the file's) and `got` (this build's) are the same text. */
export interface Comparison {
  /** The field, as `cases[0].tag`. */
  readonly where: string;
  readonly expected: string;
  readonly got: string;
}

/** Comparisons in the order of computation: nothing after a difference is computed. */
export type Comparisons = Generator<Comparison, void, undefined>;

/** An integer of the file in hexadecimal: leading zeros do not count. Nothing where the file does not say it. */
export function* compareInteger(
  fields: Fields,
  name: string,
  compute: () => bigint | Uint8Array,
): Comparisons {
  const value = fields.hexInteger(name);
  if (value === undefined) return;
  const expected = value.toString(16);
  const got = attempt(() => {
    const computed = compute();
    return typeof computed === "bigint"
      ? computed.toString(16)
      : BigInt(`0x${Buffer.from(computed).toString("hex")}`).toString(16);
  });
  yield { where: fields.where(name), expected, got };
}

/** Bytes of the file in hexadecimal, in their full length. */
export function* compareBytes(
  fields: Fields,
  name: string,
  compute: () => Uint8Array,
): Comparisons {
  const value = fields.hexBytes(name);
  if (value === undefined) return;
  const expected = value.toString("hex");
  yield {
    where: fields.where(name),
    expected,
    got: attempt(() => Buffer.from(compute()).toString("hex")),
  };
}

/** Text of the file. */
export function* compareText(fields: Fields, name: string, compute: () => string): Comparisons {
  const expected = fields.text(name);
  if (expected !== undefined) yield { where: fields.where(name), expected, got: attempt(compute) };
}

/** A whole number of the file. */
export function* compareNumber(
  fields: Fields,
  name: string,
  compute: () => bigint | number,
): Comparisons {
  const expected = fields.integer(name);
  if (expected === undefined) return;
  yield {
    where: fields.where(name),
    expected: String(expected),
    got: attempt(() => String(compute())),
  };
}

/** Whether the scheme takes a value of the file in: a difference where it refuses. */
export function* compareAccepted(where: string, accept: () => unknown): Comparisons {
  const expected = "accepted";
  const got = attempt(() => {
    accept();
    return expected;
  });
  yield { where, expected, got };
}

/** The text, or why the scheme refuses to compute it: a wrong digit often makes a value no element. */
export function attempt(compute: () => string): string {
  try {
    return compute();
  } catch (error) {
    if (isVeilError(error)) return `refused: ${error.message}`;
    throw error;
  }
}

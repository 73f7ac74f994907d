/** Few and plain: what a reader of a report can check by hand. */

/** The q-quantile, 0 ≤ q ≤ 1, by nearest rank: a value that was really seen. NaN of nothing. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Half the interquartile range as a part of the median: how much a figure moved between rounds. */
export function spread(values: readonly number[]): number {
  return (quantile(values, 0.75) - quantile(values, 0.25)) / 2 / median(values);
}

/**
 * The median of a/b, each pair of one round: a machine whose speed drifts slows both. Throws where the rounds are not
 * the same.
 */
export function medianRatio(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) throw new RangeError("a ratio is of the same rounds");
  return median(a.map((value, round) => value / (b[round] ?? Number.NaN)));
}

/** One axis of a plot: where a value lies, and which values are marked. */

export interface AxisOptions {
  /** With its unit: `one subscription, ms`. */
  readonly label: string;
  readonly scale: "linear" | "log";
}

export interface Axis {
  readonly label: string;
  /** 0 at the axis's beginning, 1 at its end. */
  position(value: number): number;
  readonly ticks: readonly number[];
}

const LINEAR_TICKS = 5;

/** An axis that holds all `values`. Throws RangeError for none, and for what a logarithm cannot show. */
export function axisOf({ label, scale }: AxisOptions, values: readonly number[]): Axis {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (!Number.isFinite(low) || !Number.isFinite(high) || (scale === "log" && low <= 0))
    throw new RangeError(`nothing to show on the axis "${label}"`);
  return { label, ...(scale === "log" ? logarithmic(low, high) : linear(low, high)) };
}

/** From one power of ten to another. */
function logarithmic(low: number, high: number): Omit<Axis, "label"> {
  const first = Math.floor(Math.log10(low));
  const last = Math.max(first + 1, Math.ceil(Math.log10(high)));
  return {
    position: (value) => (Math.log10(value) - first) / (last - first),
    ticks: Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i)),
  };
}

/** From 0, in steps of 1, 2 or 5 times a power of ten. */
function linear(low: number, high: number): Omit<Axis, "label"> {
  const begin = Math.min(0, low);
  const rough = (high - begin || 1) / LINEAR_TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const [first, last] = [Math.floor(begin / step), Math.ceil(high / step) || 1];
  return {
    position: (value) => (value / step - first) / (last - first),
    ticks: Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step),
  };
}

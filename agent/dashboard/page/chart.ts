/** One small chart: the mean of each second as a line, least and greatest as a band, limits dashed. */
import type { Bucket } from "../wire.ts";
import { formatClock, formatMinute, formatSteps } from "./format.ts";
import uPlot from "./vendor/uplot.js";

const HEIGHT_PX = 112;
/** Left of the chart: at least so much, and more for long numbers, at so much a character. */
const MIN_AXIS_PX = 46;
const CHARACTER_PX = 6.5;
const AXIS_GAP_PX = 12;
const FONT = "11px system-ui, sans-serif";
/** What lies beyond is drawn at it: no axis can be drawn over a distance that is no number any more. */
const MAX_DRAWN = 1e300;
const NICE = [1, 2, 2.5, 5];
/** A pause of this many times the usual distance is a break in the line. */
const BREAK_FACTOR = 8;
const MIN_BREAK_S = 10;

/** The tokens of style.css that a canvas needs: asking for them is slow, and they change with the theme alone. */
const TOKENS = ["--muted", "--grid", "--chart", "--chart-fill", "--bad"] as const;
const colours = new Map<string, string>();

/** Before the first chart, and after the theme has changed. */
export function readColours(): void {
  const style = getComputedStyle(document.documentElement);
  for (const name of TOKENS) colours.set(name, style.getPropertyValue(name));
}

function colourOf(name: (typeof TOKENS)[number]): string {
  return colours.get(name) ?? "gray";
}

export interface ChartLimits {
  readonly low: number | null;
  readonly high: number | null;
}

export class Chart {
  readonly #plot: uPlot;

  constructor(parent: HTMLElement, limits: ChartLimits) {
    const width = Math.max(120, parent.clientWidth);
    this.#plot = new uPlot(optionsOf(width, limits), [[], [], [], []], parent);
  }

  /** `sinceMs` to `untilMs` is the width of the chart. */
  draw(buckets: readonly Bucket[], sinceMs: number, untilMs: number): void {
    this.#plot.setData(columnsOf(buckets), false);
    this.#plot.batch(() => {
      this.#plot.setScale("x", { min: sinceMs / 1000, max: untilMs / 1000 });
      this.#plot.setScale("y", rangeOf(buckets));
    });
  }

  resize(width: number): void {
    if (width >= 120 && width !== this.#plot.width)
      this.#plot.setSize({ width, height: HEIGHT_PX });
  }

  /** After the colours have changed. */
  redraw(): void {
    this.#plot.redraw(false);
  }

  destroy(): void {
    this.#plot.destroy();
  }
}

type Column = (number | null)[];

/** Times in seconds, mean, least and greatest; a null breaks the line. */
function columnsOf(buckets: readonly Bucket[]): [number[], Column, Column, Column] {
  const [xs, means, mins, maxs]: [number[], Column, Column, Column] = [[], [], [], []];
  const breakS = breakOf(buckets);
  for (const [startMs, count, min, max, sum] of buckets) {
    const x = startMs / 1000;
    const last = xs.at(-1);
    if (last !== undefined && x - last > breakS) {
      xs.push((last + x) / 2);
      for (const column of [means, mins, maxs]) column.push(null);
    }
    xs.push(x);
    means.push(drawable(sum / count));
    mins.push(drawable(min));
    maxs.push(drawable(max));
  }
  return [xs, means, mins, maxs];
}

/** Beyond this pause, in seconds, the line is broken. */
function breakOf(buckets: readonly Bucket[]): number {
  const first = buckets[0]?.[0] ?? 0;
  const last = buckets.at(-1)?.[0] ?? first;
  const usual = (last - first) / 1000 / Math.max(1, buckets.length - 1);
  return Math.max(MIN_BREAK_S, usual * BREAK_FACTOR);
}

function drawable(value: number): number {
  return Math.min(MAX_DRAWN, Math.max(-MAX_DRAWN, value));
}

function rangeOf(buckets: readonly Bucket[]): { min: number; max: number } {
  let [min, max] = [Infinity, -Infinity];
  for (const bucket of buckets) {
    min = Math.min(min, drawable(bucket[2]));
    max = Math.max(max, drawable(bucket[3]));
  }
  if (min > max) return { min: 0, max: 1 };
  const room = (max - min) * 0.12 || Math.abs(max) * 0.05 || 1;
  return { min: min - room, max: max + room };
}

/** Two to five round numbers between `min` and `max`. */
function niceSteps(min: number, max: number): number[] {
  const rough = max / 4 - min / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = (NICE.find((factor) => factor * power >= rough) ?? 10) * power;
  const first = Math.ceil(min / step);
  const steps = Array.from({ length: 5 }, (_, n) => (first + n) * step).filter((at) => at <= max);
  return steps.every(Number.isFinite) && step > 0 ? steps : [];
}

function axisWidth(labels: readonly string[] | null): number {
  const longest = Math.max(0, ...(labels ?? []).map(({ length }) => length));
  return Math.max(MIN_AXIS_PX, Math.ceil(longest * CHARACTER_PX) + AXIS_GAP_PX);
}

function optionsOf(width: number, limits: ChartLimits): uPlot.Options {
  const token = (name: (typeof TOKENS)[number]) => () => colourOf(name);
  const axis = {
    stroke: token("--muted"),
    font: FONT,
    ticks: { show: false },
    grid: { stroke: token("--grid"), width: 1 },
  };
  const edge = { show: true, points: { show: false }, stroke: "transparent", width: 0 };
  return {
    width,
    height: HEIGHT_PX,
    padding: [6, 6, 0, 0],
    cursor: { show: false },
    legend: { show: false },
    scales: { x: { time: true, auto: false }, y: { auto: false } },
    axes: [
      {
        ...axis,
        size: 22,
        space: 64,
        values: (_plot, splits, _axis, _space, stepS) =>
          splits.map((s) => (stepS < 60 ? formatClock : formatMinute)(s * 1000)),
      },
      {
        ...axis,
        size: (_plot, labels) => axisWidth(labels),
        splits: (_plot, _index, min, max) => niceSteps(min, max),
        values: (_plot, splits) => formatSteps(splits),
      },
    ],
    series: [{}, { stroke: token("--chart"), width: 1.6, points: { show: false } }, edge, edge],
    bands: [{ series: [3, 2], fill: token("--chart-fill") }],
    hooks: { draw: [(plot) => drawLimits(plot, limits, colourOf("--bad"))] },
  };
}

function drawLimits(plot: uPlot, { low, high }: ChartLimits, colour: string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.setLineDash([4, 4]);
  for (const limit of [low, high]) {
    if (limit === null) continue;
    const y = plot.valToPos(limit, "y", true);
    if (!(y >= bbox.top && y <= bbox.top + bbox.height)) continue;
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}

/** One small chart: the mean of each bucket as a line, least and greatest as a band, limits dashed. */
import type { Bucket } from "../wire.ts";
import { formatClock, formatMinute, formatSteps } from "./format.ts";
import uPlot from "./vendor/uplot.js";

const HEIGHT_PX = 112;
const MIN_WIDTH_PX = 120;
/** Left of the chart: at least so much, and more for long numbers, at so much a character. */
const MIN_AXIS_PX = 46;
const CHARACTER_PX = 6.5;
const AXIS_GAP_PX = 12;
const RIGHT_PX = 6;
const DOT_PX = 5;
const FONT = "11px system-ui, sans-serif";
/** What lies beyond is drawn at it: no axis can be drawn over a distance that is no number any more. */
const MAX_DRAWN = 1e300;
/** A shorter window has seconds at its axis, which take more room. */
const SECONDS_BELOW_S = 240;
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

export interface ChartOptions {
  readonly parent: HTMLElement;
  readonly limits: ChartLimits;
  /** What is under the pointer, or was gone to by keys; null for nothing. */
  readonly onPoint: (bucket: Bucket | null) => void;
}

export class Chart {
  readonly #plot: uPlot;
  /** As they are drawn; null where the line is broken. */
  #points: readonly (Bucket | null)[] = [];

  constructor({ parent, limits, onPoint }: ChartOptions) {
    const width = Math.max(MIN_WIDTH_PX, parent.clientWidth);
    const point = (plot: uPlot): void => onPoint(this.#points[plot.cursor.idx ?? -1] ?? null);
    this.#plot = new uPlot(optionsOf({ width, limits, point }), [[], [], [], []], parent);
  }

  /** `sinceMs` to `untilMs` is the width of the chart. */
  draw(buckets: readonly Bucket[], sinceMs: number, untilMs: number): void {
    this.#points = withBreaks(buckets);
    this.#plot.setData(columnsOf(this.#points), false);
    this.#plot.batch(() => {
      this.#plot.setScale("x", { min: sinceMs / 1000, max: untilMs / 1000 });
      this.#plot.setScale("y", rangeOf(buckets));
    });
  }

  /** Goes so many points on from where the read-out is, or from the newest. */
  step(by: number): void {
    const { idx } = this.#plot.cursor;
    const newest = this.#points.length - 1;
    let at = Math.max(0, Math.min(newest, (idx ?? newest) + by));
    if (!this.#points[at]) at += Math.sign(by);
    const point = this.#points[at];
    if (point) this.#plot.setCursor({ left: this.#plot.valToPos(point[0] / 1000, "x"), top: 0 });
  }

  /** Ends the read-out. */
  leave(): void {
    this.#plot.setCursor({ left: -10, top: -10 });
  }

  resize(width: number): void {
    if (width >= MIN_WIDTH_PX && width !== this.#plot.width)
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

/** With a null in each pause that breaks the line. */
function withBreaks(buckets: readonly Bucket[]): (Bucket | null)[] {
  const points: (Bucket | null)[] = [];
  const breakMs = breakOf(buckets) * 1000;
  let before = buckets[0]?.[0] ?? 0;
  for (const bucket of buckets) {
    if (bucket[0] - before > breakMs) points.push(null);
    points.push(bucket);
    before = bucket[0];
  }
  return points;
}

/** Times in seconds, mean, least and greatest; a null breaks the line. */
function columnsOf(points: readonly (Bucket | null)[]): [number[], Column, Column, Column] {
  const [xs, means, mins, maxs]: [number[], Column, Column, Column] = [[], [], [], []];
  for (const point of points) {
    const [startMs, count, min, max, sum] = point ?? [];
    xs.push(startMs === undefined ? (xs.at(-1) ?? 0) + 1 : startMs / 1000);
    means.push(count === undefined || sum === undefined ? null : drawable(sum / count));
    mins.push(min === undefined ? null : drawable(min));
    maxs.push(max === undefined ? null : drawable(max));
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

/** None where it would be cut off at the right end. */
function timeLabel(plot: uPlot, seconds: number, format: (ms: number) => string): string {
  const label = format(seconds * 1000);
  const { min = 0, max = 1 } = plot.scales["x"] ?? {};
  const plotWidth = plot.bbox.width / devicePixelRatio;
  const leftPx = ((max - seconds) / (max - min)) * plotWidth + RIGHT_PX;
  return leftPx < (label.length * CHARACTER_PX) / 2 ? "" : label;
}

/** Points that no line goes through. */
function lonelyOf(values: readonly (number | null | undefined)[]): number[] {
  const isNone = (value: number | null | undefined): boolean =>
    value === null || value === undefined;
  return [...values.keys()].filter(
    (n) => !isNone(values[n]) && isNone(values[n - 1]) && isNone(values[n + 1]),
  );
}

function axisWidth(labels: readonly string[] | null): number {
  const longest = Math.max(0, ...(labels ?? []).map(({ length }) => length));
  return Math.max(MIN_AXIS_PX, Math.ceil(longest * CHARACTER_PX) + AXIS_GAP_PX);
}

interface PlotOptions {
  readonly width: number;
  readonly limits: ChartLimits;
  readonly point: (plot: uPlot) => void;
}

function optionsOf({ width, limits, point }: PlotOptions): uPlot.Options {
  const token = (name: (typeof TOKENS)[number]) => () => colourOf(name);
  const axis = {
    stroke: token("--muted"),
    font: FONT,
    ticks: { show: false },
    grid: { stroke: token("--grid"), width: 1 },
  };
  const edge = { show: true, points: { show: false }, stroke: "transparent", width: 0 };
  const dots: uPlot.Series.Points = {
    ...{ show: false, size: DOT_PX, fill: token("--chart") },
    filter: (plot) => lonelyOf([...(plot.data[1] ?? [])]),
  };
  return {
    width,
    height: HEIGHT_PX,
    padding: [6, RIGHT_PX, 0, 0],
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    legend: { show: false },
    scales: { x: { time: true, auto: false }, y: { auto: false } },
    axes: [
      {
        ...axis,
        size: 22,
        space: (_plot, _axis, min, max) => (max - min < SECONDS_BELOW_S ? 64 : 44),
        values: (plot, splits, _axis, _space, stepS) =>
          splits.map((s) => timeLabel(plot, s, stepS < 60 ? formatClock : formatMinute)),
      },
      {
        ...axis,
        size: (_plot, labels) => axisWidth(labels),
        splits: (_plot, _index, min, max) => niceSteps(min, max),
        values: (_plot, splits) => formatSteps(splits),
      },
    ],
    series: [{}, { stroke: token("--chart"), width: 1.6, points: dots }, edge, edge],
    bands: [{ series: [3, 2], fill: token("--chart-fill") }],
    hooks: { draw: [(plot) => drawLimits(plot, limits, colourOf("--bad"))], setCursor: [point] },
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

/** One value of one device: the newest, its unit, age and marks, a chart, and least, mean and greatest of the window. */
import type { Bucket } from "../wire.ts";
import { Chart } from "./chart.ts";
import { el, setAttribute, setText } from "./dom.ts";
import {
  formatAge,
  formatClock,
  formatExact,
  formatNumber,
  formatUnit,
  formatValue,
} from "./format.ts";
import { isOutOfRange, type Model, type Series } from "./model.ts";
import { summarize } from "./summary.ts";

/** A reading that took longer from the device to here shows both times. */
const LONG_WAY_MS = 60_000;
/** Where more than this part of the window is empty at its beginning, it is said from when the figures are. */
const PART = 0.05;
/** More characters than these are written smaller. */
const LONG_VALUE = 11;
const PARTS = ["value", "unit", "badges", "age"] as const;
const SUMMARY = ["min", "mean", "max"] as const;

export class Card {
  readonly id: number;
  readonly root: HTMLElement;
  /** Where the chart is; hidden until a number has come. */
  readonly plot: HTMLElement;
  isVisible = false;
  /** By the page's own clock; 0 to have it drawn at once. */
  drawnAtMs = 0;
  readonly #model: Model;
  readonly #parts: Readonly<Record<(typeof PARTS)[number], HTMLElement>>;
  readonly #summary: Readonly<Record<(typeof SUMMARY)[number], HTMLElement>>;
  readonly #figures: HTMLElement;
  /** What of the chart is under the pointer, or was gone to by keys. */
  readonly #readout = el("p", { class: "readout", role: "status" });
  /** From when the figures are, where not from the window's beginning. */
  readonly #since = el("span", { class: "since" });
  #chart: Chart | null = null;

  constructor(model: Model, series: Series) {
    this.id = series.id;
    this.#model = model;
    const span = (name: string): HTMLElement => el("span", { class: name });
    this.#parts = {
      value: span("value"),
      unit: span("unit"),
      badges: span("badges"),
      age: span("age"),
    };
    this.#summary = { min: el("dd"), mean: el("dd"), max: el("dd") };
    const title = series.name || "value";
    this.plot = el("div", {
      ...{ class: "plot", role: "img", tabindex: "0", hidden: "" },
      "aria-label": `Chart of ${title}, ${series.producer}. Left and right arrows read it out.`,
    });
    this.#figures = el("div", { class: "figures", hidden: "" }, this.#makeSummary(), this.#readout);
    const label = el(
      "div",
      { class: "label" },
      el("h3", { text: title }),
      el("span", { class: "producer", text: series.producer }),
    );
    const reading = el("div", { class: "reading" }, ...PARTS.map((name) => this.#parts[name]));
    this.root = el("article", { class: "card" }, label, reading, this.plot, this.#figures);
    this.plot.addEventListener("keydown", (event) => this.#onKey(event));
    this.plot.addEventListener("blur", () => this.#chart?.leave());
  }

  /** `windowMs`: the width of the chart. */
  draw(windowMs: number): void {
    const series = this.#model.series.get(this.id);
    if (!series) return;
    const { value, unit, age } = this.#parts;
    const isStale = this.#model.isStale(series);
    const isOut = isOutOfRange(series);
    const text = formatValue(series.value);
    setText(value, text);
    value.classList.toggle("long", text.length > LONG_VALUE);
    value.classList.toggle("text", typeof series.value === "string");
    setText(unit, formatUnit(series.unit));
    setText(age, ageText(series, this.#model.nowMs));
    this.root.classList.toggle("stale", isStale);
    this.root.classList.toggle("out", isOut);
    this.#drawBadges(series, isStale, isOut);
    if (typeof series.value === "number") {
      this.plot.hidden = false;
      this.#figures.hidden = false;
    }
    if (!this.plot.hidden && this.isVisible) this.#drawChart(series, windowMs);
  }

  resize(width: number): void {
    this.#chart?.resize(width);
  }

  /** After the colours have changed. */
  redraw(): void {
    this.#chart?.redraw();
  }

  /** What is out of view needs no chart. */
  dropChart(): void {
    this.#readOut(null);
    this.#chart?.destroy();
    this.#chart = null;
  }

  #onKey(event: KeyboardEvent): void {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.#chart?.step(step);
  }

  /** In the place of the figures of the window. */
  #readOut(bucket: Bucket | null): void {
    this.#figures.classList.toggle("pointed", bucket !== null);
    setText(this.#readout, bucket ? readoutText(bucket) : "");
  }

  #makeSummary(): HTMLElement {
    const pairs = SUMMARY.map((name) =>
      el("div", {}, el("dt", { text: name }), this.#summary[name]),
    );
    return el("div", { class: "summary" }, el("dl", {}, ...pairs), this.#since);
  }

  #drawBadges(series: Series, isStale: boolean, isOut: boolean): void {
    const { badges } = this.#parts;
    const wanted: [kind: string, text: string][] = [];
    if (isStale) wanted.push(["stale", "stale"]);
    if (isOut) wanted.push(["range", rangeText(series)]);
    if (!series.isSynced) wanted.push(["clock", "clock not set"]);
    const key = JSON.stringify(wanted);
    if (badges.dataset["shown"] === key) return;
    setAttribute(badges, "data-shown", key);
    badges.replaceChildren(
      ...wanted.map(([kind, text]) => el("span", { class: `badge ${kind}`, text })),
    );
  }

  #drawChart(series: Series, windowMs: number): void {
    const untilMs = this.#model.nowMs;
    const sinceMs = untilMs - windowMs;
    const { buckets, isWhole } = this.#model.stretch(this.id, sinceMs);
    this.#chart ??= new Chart({
      parent: this.plot,
      limits: series,
      onPoint: (bucket) => this.#readOut(bucket),
    });
    this.#chart.draw(buckets, sinceMs, untilMs);
    this.plot.classList.toggle("blank", buckets.length === 0);
    const summary = summarize(buckets);
    const firstMs = buckets[0]?.[0] ?? untilMs;
    const isPart = summary !== null && !isWhole && firstMs - sinceMs > PART * windowMs;
    setText(this.#since, isPart ? `since ${formatClock(firstMs)}` : "");
    const format = { min: formatExact, mean: formatNumber, max: formatExact };
    for (const name of SUMMARY)
      setText(this.#summary[name], summary ? format[name](summary[name]) : "—");
  }
}

/** `04:13:05  22.1`, or the mean of several with least and greatest. */
function readoutText([startMs, count, min, max, sum]: Bucket): string {
  const clock = formatClock(startMs);
  if (count === 1) return `${clock}  ${formatExact(min)}`;
  const mean = formatNumber(sum / count);
  return `${clock}  mean of ${count}: ${mean}, ${formatExact(min)} to ${formatExact(max)}`;
}

/** How old it is; where it was long on its way, since when it is, too. */
function ageText({ timeMs, arrivedMs }: Series, nowMs: number): string {
  const arrived = formatAge(nowMs - arrivedMs);
  if (arrivedMs - timeMs < LONG_WAY_MS) return arrived;
  return `taken ${formatAge(nowMs - timeMs)}, arrived ${arrived}`;
}

function rangeText({ value, low, high }: Series): string {
  if (low !== null && Number(value) < low) return `below ${formatExact(low)}`;
  return high === null ? "out of range" : `above ${formatExact(high)}`;
}

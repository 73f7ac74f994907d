/**
 * `npm run bench -- dashboard`: how smooth the page is with 200 topics of 10 readings a second each, in a real browser:
 * the times between frames, what the page's main thread does for one, and what the board keeps.
 */
import type { Browser, Page } from "playwright-core";
import { Board } from "../../../agent/dashboard/board.ts";
import { Limits } from "../../../agent/dashboard/limits.ts";
import { launchBrowser, openPage } from "../../dashboard/browser.ts";
import { Rig } from "../../dashboard/rig.ts";
import type { Benchmark, BenchmarkContext } from "../framework/benchmark.ts";
import { figure } from "../framework/figures.ts";
import type { Section } from "../framework/findings.ts";
import { quantile } from "../framework/statistics.ts";

const READINGS_PER_S = 10;
const NAMES = ["temp", "humidity", "pressure"];
const PAST_S = 600;
const TICK_MS = 1000 / READINGS_PER_S;
const SCROLL_EVERY_MS = 250;
const SCROLL_PX = 120;
const HOUR_S = 3600;
const MIB = 2 ** 20;

interface Scale {
  readonly topics: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
}
const FULL: Scale = { topics: 200, warmUpMs: 5000, measuredMs: 20_000 };
const QUICK: Scale = { topics: 20, warmUpMs: 500, measuredMs: 500 };

/** What the browser's main thread counts, in seconds; the first holds the others. */
const WORK = ["TaskDuration", "ScriptDuration", "LayoutDuration", "RecalcStyleDuration"] as const;
type Work = Readonly<Record<(typeof WORK)[number], number>>;

interface Measured {
  /** Milliseconds between two frames. */
  readonly gaps: readonly number[];
  readonly longTasks: number;
}

export const dashboardBenchmark: Benchmark = {
  name: "dashboard",
  summary: "times between the page's frames with 200 topics at 10 readings a second",
  async run(context) {
    const scale = context.quick ? QUICK : FULL;
    return {
      summary: `The dashboard's server and page in a headless Chromium without a graphics card, all on one machine: ${scale.topics} topics, ${READINGS_PER_S} readings a second in each, ${NAMES.length} values in each reading.`,
      sections: [...(await frames(context, scale)), memory(scale)],
    };
  },
};

async function frames({ say }: BenchmarkContext, scale: Scale): Promise<Section[]> {
  const topics = Array.from({ length: scale.topics }, (_, n) => `site-${n % 20}/line-${n}/climate`);
  const rig = new Rig({ topics });
  for (let s = PAST_S; s > 0; s -= 1) addAll(rig, scale, Date.now() - s * 1000);
  await rig.start();
  const playing = setInterval(() => addAll(rig, scale, Date.now()), TICK_MS);
  let browser: Browser | undefined;
  try {
    browser = await launchBrowser();
    const { page } = await openPage(browser);
    await page.goto(rig.url);
    await page.waitForTimeout(scale.warmUpMs);
    const rows: [string, Measured, Work][] = [];
    for (const what of ["still", "scrolling"] as const) {
      say(`the page, ${what}`);
      rows.push([what, ...(await watch(page, scale, what === "scrolling"))]);
    }
    return sectionsOf(rows);
  } finally {
    clearInterval(playing);
    await browser?.close();
    await rig.stop();
  }
}

function sectionsOf(rows: readonly [string, Measured, Work][]): Section[] {
  return [
    {
      heading: "Between two frames",
      table: {
        columns: ["page", "frames", "p50, ms", "p95, ms", "p99, ms", "worst, ms", "tasks > 50 ms"],
        rows: rows.map(([what, { gaps, longTasks }]) => [
          ...[what, gaps.length],
          ...[0.5, 0.95, 0.99, 1].map((part) => quantile(gaps, part)),
          longTasks,
        ]),
      },
    },
    {
      heading: "What the page's main thread does for a frame",
      table: {
        columns: ["page", "all, ms", "script, ms", "layout, ms", "styles, ms"],
        rows: rows.map(([what, { gaps }, work]) => [
          what,
          ...WORK.map((name) => (work[name] * 1000) / gaps.length),
        ]),
      },
    },
  ];
}

/** As many values as the page has, an hour of each: the server's memory for history is bounded by its form. */
function memory({ topics }: Scale): Section {
  const names = Array.from({ length: topics }, (_, n) => `topic-${n}`);
  const limits = new Limits({ rules: [], staleMs: 60_000 });
  const board = new Board({ topics: names, limits, historyMs: HOUR_S * 1000 });
  const before = process.memoryUsage().arrayBuffers;
  const nowMs = Date.now();
  for (let s = HOUR_S; s > 0; s -= 1)
    for (const topic of names.keys())
      for (const name of NAMES) {
        const timeMs = nowMs - s * 1000;
        const sample = { topic, producer: "pi", name, unit: null, value: Math.random() };
        board.add({ ...sample, timeMs, arrivedMs: timeMs, isSynced: true });
      }
  const mib = (process.memoryUsage().arrayBuffers - before) / MIB;
  const bucketS = board.bucketMs / 1000;
  return {
    heading: "What the server keeps",
    text: `An hour of ${topics * NAMES.length} values, in buckets of ${bucketS} s: ${figure(mib)} MiB, room to grow and what the collector has not taken yet included.`,
  };
}

function addAll(rig: Rig, { topics }: Scale, timeMs: number): void {
  for (let topic = 0; topic < topics; topic += 1)
    for (const [n, name] of NAMES.entries())
      rig.add({ topic, name, value: 20 + n * 10 + Math.random(), timeMs, arrivedMs: timeMs });
}

async function watch(
  page: Page,
  { measuredMs }: Scale,
  isScrolling: boolean,
): Promise<[Measured, Work]> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const spent = async (): Promise<Work> => {
    const { metrics } = await session.send("Performance.getMetrics");
    const of = (work: keyof Work): number => metrics.find(({ name }) => name === work)?.value ?? 0;
    return Object.fromEntries(WORK.map((work) => [work, of(work)])) as Work;
  };
  const scroll = (): void => void page.mouse.wheel(0, SCROLL_PX).catch(() => undefined);
  const scrolling = isScrolling ? setInterval(scroll, SCROLL_EVERY_MS) : undefined;
  const before = await spent();
  const measured: Measured = await page.evaluate(measureIn(measuredMs));
  const after = await spent();
  clearInterval(scrolling);
  await session.detach();
  const work = Object.fromEntries(WORK.map((name) => [name, after[name] - before[name]])) as Work;
  return [measured, work];
}

/** For the page to run. */
function measureIn(measuredMs: number): string {
  return `new Promise((resolve) => {
  const gaps = [];
  let longTasks = 0;
  const observer = new PerformanceObserver((list) => { longTasks += list.getEntries().length; });
  observer.observe({ type: "longtask" });
  let last = performance.now();
  const end = last + ${measuredMs};
  const frame = (now) => {
    gaps.push(now - last);
    last = now;
    if (now < end) return requestAnimationFrame(frame);
    observer.disconnect();
    resolve({ gaps: gaps.slice(1), longTasks });
  };
  requestAnimationFrame(frame);
})`;
}

/**
 * `node dist/test/dashboard/frames.js`: how smooth the page is with 200 topics of 10 readings a second each. Prints the
 * times between frames, and what the page's main thread does for one.
 */
import { launchBrowser, openPage } from "./browser.ts";
import { Rig } from "./rig.ts";

const TOPICS = 200;
const READINGS_PER_S = 10;
const NAMES = ["temp", "humidity", "pressure"];
const PAST_S = 600;
const WARM_UP_MS = 5000;
const MEASURED_MS = 20_000;
const TICK_MS = 100;

/** What the browser's main thread counts, in seconds; the first holds the others. */
const WORK = ["TaskDuration", "ScriptDuration", "LayoutDuration", "RecalcStyleDuration"] as const;
type Work = (typeof WORK)[number];

interface Measured {
  /** Milliseconds between two frames, in order of size. */
  readonly gaps: readonly number[];
  readonly longTasks: number;
}

function addAll(rig: Rig, timeMs: number, count = 1): void {
  for (let topic = 0; topic < TOPICS; topic += 1)
    for (const [n, name] of NAMES.entries())
      for (let k = 0; k < count; k += 1)
        rig.add({ topic, name, value: 20 + n * 10 + Math.random(), timeMs, arrivedMs: timeMs });
}

/** In the page. */
const MEASURE = `new Promise((resolve) => {
  const gaps = [];
  let longTasks = 0;
  new PerformanceObserver((list) => { longTasks += list.getEntries().length; })
    .observe({ type: "longtask" });
  let last = performance.now();
  const end = last + ${MEASURED_MS};
  const frame = (now) => {
    gaps.push(now - last);
    last = now;
    if (now < end) requestAnimationFrame(frame);
    else resolve({ gaps: gaps.sort((a, b) => a - b), longTasks });
  };
  requestAnimationFrame(frame);
})`;

async function main(): Promise<void> {
  const topics = Array.from({ length: TOPICS }, (_, n) => `site-${n % 20}/line-${n}/climate`);
  const rig = new Rig({ topics });
  for (let s = PAST_S; s > 0; s -= 1) addAll(rig, Date.now() - s * 1000);
  await rig.start();
  const playing = setInterval(() => addAll(rig, Date.now()), TICK_MS);
  const browser = await launchBrowser();
  const { page } = await openPage(browser);
  await page.goto(rig.url);
  await page.waitForTimeout(WARM_UP_MS);
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const spent = async (): Promise<Record<Work, number>> => {
    const { metrics } = await session.send("Performance.getMetrics");
    const of = (work: Work): number => metrics.find(({ name }) => name === work)?.value ?? 0;
    return Object.fromEntries(WORK.map((work) => [work, of(work)])) as Record<Work, number>;
  };
  const before = await spent();
  const scrolling = setInterval(() => void page.mouse.wheel(0, 120).catch(() => undefined), 250);
  const measured: Measured = await page.evaluate(MEASURE);
  clearInterval(scrolling);
  const after = await spent();
  clearInterval(playing);
  await browser.close();
  await rig.stop();
  const at = (part: number): string =>
    (measured.gaps[Math.floor(part * (measured.gaps.length - 1))] ?? 0).toFixed(1);
  const result = {
    topics: TOPICS,
    readingsPerS: TOPICS * READINGS_PER_S,
    valuesPerS: TOPICS * READINGS_PER_S * NAMES.length,
    frames: measured.gaps.length,
    betweenFramesMs: { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) },
    workPerFrameMs: Object.fromEntries(
      WORK.map((work) => [
        work,
        (((after[work] - before[work]) * 1000) / measured.gaps.length).toFixed(2),
      ]),
    ),
    tasksOver50Ms: measured.longTasks,
  };
  process.stdout.write(`${JSON.stringify(result, null, 1)}\n`);
}

await main();

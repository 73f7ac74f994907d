/**
 * `npm run pictures`: pictures of every page for the README, into docs/images. The readings are invented, as those of
 * simulated sensors are; server and page are the real ones.
 */
import { join } from "node:path";
import type { HopView, Seen } from "../../agent/dashboard/wire.ts";
import { packageFile } from "../../core/runtime/package.ts";
import { launchBrowser, openPage, type PageOptions } from "./browser.ts";
import { Rig } from "./rig.ts";

const TOPICS = [
  "greenhouse/north/climate",
  "greenhouse/north/soil",
  "greenhouse/south/climate",
  "plant/boiler/pressure",
  "plant/boiler/temperature",
  "weather/roof",
];
const PAST_S = 3000;
const DAY_S = 86_400;
const HOPS = ["bridge", "kafka", "zookeeper", "directory"] as const;
/** How often a bridge is asked. */
const STATUS_S = 5;

interface Wave {
  readonly topic: number;
  readonly producer: string;
  readonly name: string;
  readonly unit: string;
  readonly base: number;
  readonly swing: number;
  readonly everyS: number;
  readonly decimals: number;
  /** Nothing after so long before now. */
  readonly silentForS?: number;
}

const TEMP = { name: "temp", unit: "Cel", decimals: 2 } as const;
const HUMIDITY = { name: "humidity", unit: "%RH", decimals: 1 } as const;

const WAVES: readonly Wave[] = [
  { ...TEMP, topic: 0, producer: "pi-01", base: 22.4, swing: 1.6, everyS: 2 },
  { ...HUMIDITY, topic: 0, producer: "pi-01", base: 61, swing: 4, everyS: 2 },
  { ...TEMP, topic: 0, producer: "pi-02", base: 37.1, swing: 1.2, everyS: 5 },
  {
    ...{ name: "moisture", unit: "%", decimals: 1 },
    ...{ topic: 1, producer: "pi-01", base: 34, swing: 2.5, everyS: 10 },
  },
  {
    ...{ ...TEMP, topic: 1, producer: "pi-04", base: 17.2, swing: 0.6, everyS: 10 },
    silentForS: 140,
  },
  { ...TEMP, topic: 2, producer: "pi-03", base: 24.2, swing: 1.4, everyS: 2 },
  { ...HUMIDITY, topic: 2, producer: "pi-03", base: 48, swing: 6, everyS: 2 },
  {
    ...{ name: "pressure", unit: "Pa", decimals: 0 },
    ...{ topic: 3, producer: "boiler", base: 182_000, swing: 2400, everyS: 1 },
  },
  {
    ...{ name: "flow", unit: "Cel", decimals: 1 },
    ...{ topic: 4, producer: "boiler", base: 68, swing: 3, everyS: 1 },
  },
  {
    ...{ name: "wind", unit: "m/s", decimals: 1 },
    ...{ topic: 5, producer: "roof", base: 5.2, swing: 3.4, everyS: 3 },
  },
];

function valueAt({ base, swing, decimals }: Wave, atS: number): number {
  const slow = Math.sin((atS / DAY_S) * 2 * Math.PI * 40);
  const quick = Math.sin(atS / 37) * 0.35 + Math.sin(atS / 7.3) * 0.12;
  const noise = (Math.random() - 0.5) * 0.2;
  return Number((base + swing * (slow * 0.7 + quick + noise)).toFixed(decimals));
}

function add(rig: Rig, wave: Wave, atS: number): void {
  const timeMs = atS * 1000;
  rig.add({ ...wave, value: valueAt(wave, atS), timeMs, arrivedMs: timeMs + 40 });
}

/** The bridge has lost ZooKeeper on the way, and goes on with what it knows. */
function hopsAt(nowS: number, lostS: number | null): HopView[] {
  const answeredS = Math.floor(nowS / STATUS_S) * STATUS_S;
  return HOPS.map((name) => {
    const isLost = lostS !== null && name === "zookeeper";
    return {
      ...{ name, state: isLost ? "down" : "up" },
      seenMs: (isLost ? lostS : answeredS) * 1000,
    };
  });
}

function play(rig: Rig): void {
  const nowS = Math.floor(Date.now() / 1000);
  for (const wave of WAVES)
    for (let s = PAST_S; s >= (wave.silentForS ?? 0); s -= 1)
      if ((nowS - s) % wave.everyS === 0) add(rig, wave, nowS - s);
  rig.add({ topic: 5, producer: "roof", name: "door", unit: null, value: false });
  const state = "heating, burner 1 of 2";
  rig.add({ topic: 3, producer: "boiler", name: "state", unit: null, value: state });
  rig.facts = (id) => ({
    ...{ found: true, readings: 4000, rejects: 0, missing: id === 1 ? 12 : 0 },
    ...{ rate: [1.2, 0.1, 1, 1, 1, 0.3][id] ?? 1, lag: id === 1 ? 240 : 0 },
  });
}

/** What comes each second while the pictures are taken. */
function playOn(rig: Rig, empty: Rig, lost: () => number | null): NodeJS.Timeout {
  const tick = (): void => {
    const nowS = Math.floor(Date.now() / 1000);
    for (const wave of WAVES)
      if (wave.silentForS === undefined && nowS % wave.everyS === 0) add(rig, wave, nowS);
    rig.hops = hopsAt(nowS, lost());
    empty.hops = rig.hops;
  };
  tick();
  return setInterval(tick, 1000);
}

interface PictureOptions extends PageOptions {
  readonly fullPage?: boolean;
  /** Where the pointer rests. */
  readonly pointAt?: string;
}

/** Until charts are drawn. */
const SETTLE_MS = 2500;

const hex = (bytes: number): string =>
  Buffer.from(Array.from({ length: bytes }, () => Math.floor(Math.random() * 256))).toString("hex");

function seen(): Seen {
  const kid = hex(16);
  const topic = "veil-f4r2k7yq3mzn6c5xw2hbl7ad3ovtj6ue4pgs2ik5r7wqnyzc3mda";
  return {
    topic: TOPICS[0] ?? "",
    silent: [],
    you: {
      producer: "pi-01",
      timeMs: Date.now() - 1400,
      values: [
        { name: "temp", value: 22.61, unit: "Cel" },
        { name: "humidity", value: 60.4, unit: "%RH" },
      ],
    },
    kafka: {
      ...{ topic, partition: 0, offset: "48213", takenMs: Date.now() - 1360, key: hex(8) },
      value: `565101010101${"00000001"}${kid}${hex(16)}${hex(128 + 16)}`,
      bytes: 186,
      header: {
        ...{ suite: 1, algorithm: "AES-256-GCM", epoch: 1, kid, number: "48213" },
        timeMs: Date.now() - 1400,
      },
    },
    zookeeper: {
      isAsked: true,
      nodes: [
        {
          path: `/brokers/topics/${topic}`,
          text: '{"partitions":{"0":[1,2,3]},"version":3}',
          bytes: 71,
        },
        {
          path: "/veilmq/acme/clients/pi-01",
          text: `{"client":"pi-01","serial":4,"status":"active","sealed":"${hex(60)}"}`,
          bytes: 2214,
        },
      ],
    },
    network: { bytes: 186, padded: true },
  };
}

async function main(folder: string): Promise<void> {
  const rules = [
    { topic: "greenhouse/*", name: "temp", low: 5, high: 35 },
    { topic: "*/soil", name: "moisture", low: 20, high: 60 },
  ];
  const rig = new Rig({ topics: TOPICS, rules });
  let lostS: number | null = null;
  play(rig);
  rig.seen = async () => seen();
  await rig.start();
  const empty = new Rig({ topics: ["plant/boiler/temperature"] });
  const live = playOn(rig, empty, () => lostS);
  empty.facts = () => ({ found: false, readings: 0, rejects: 0, missing: 0, rate: 0, lag: null });
  await empty.start();
  const closed = new Rig({ topics: [], token: "a token of twenty characters" });
  await closed.start();
  const browser = await launchBrowser();
  const take = async (name: string, url: string, options: PictureOptions): Promise<void> => {
    const { page, complaints } = await openPage(browser, options);
    await page.goto(url);
    await page.waitForTimeout(SETTLE_MS);
    const { pointAt, fullPage = false } = options;
    if (pointAt) await page.locator(pointAt).first().hover();
    await page.screenshot({ path: join(folder, `${name}.png`), fullPage });
    if (complaints.length > 0) process.stderr.write(`${name}: ${complaints.join("; ")}\n`);
    await page.context().close();
  };
  await take("dashboard-light", rig.url, { theme: "light" });
  await take("dashboard-seen", `${rig.url}#/seen/0`, { theme: "light", fullPage: true });
  await take("dashboard-empty", empty.url, { theme: "light" });
  await take("dashboard-login", closed.url, { theme: "dark" });
  // A device without a clock, one that was offline for days, and a hop that is away.
  lostS = Math.floor(Date.now() / 1000) - 48;
  rig.add({ topic: 5, producer: "roof", name: "rain", unit: "mm", value: 0.2, isSynced: false });
  const longAgoMs = Date.now() - 6 * DAY_S * 1000;
  rig.add({
    topic: 5,
    producer: "mast",
    name: "gust",
    unit: "m/s",
    value: 17.4,
    timeMs: longAgoMs,
  });
  await take("dashboard-phone", rig.url, { theme: "light", phone: true });
  await take("dashboard-dark", `${rig.url}#/at/5/1`, {
    theme: "dark",
    pointAt: ".card:has-text('wind') .u-over",
  });
  clearInterval(live);
  await browser.close();
  for (const each of [rig, empty, closed]) await each.stop();
}

await main(packageFile("docs", "images"));

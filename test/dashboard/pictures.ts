/**
 * `npm run pictures`: pictures of every page for the README, into docs/images. The readings are invented, as those of
 * simulated sensors are; server and page are the real ones.
 */
import { join } from "node:path";
import type { Seen } from "../../agent/dashboard/wire.ts";
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

interface Wave {
  readonly topic: number;
  readonly producer: string;
  readonly name: string;
  readonly unit: string;
  readonly base: number;
  readonly swing: number;
  readonly everyS: number;
  /** Nothing after so long before now. */
  readonly silentForS?: number;
}

const WAVES: readonly Wave[] = [
  { topic: 0, producer: "pi-01", name: "temp", unit: "Cel", base: 22.4, swing: 1.6, everyS: 2 },
  { topic: 0, producer: "pi-01", name: "humidity", unit: "%RH", base: 61, swing: 4, everyS: 2 },
  { topic: 0, producer: "pi-02", name: "temp", unit: "Cel", base: 23.1, swing: 1.2, everyS: 5 },
  { topic: 1, producer: "pi-01", name: "moisture", unit: "%", base: 34, swing: 2.5, everyS: 10 },
  { topic: 2, producer: "pi-03", name: "temp", unit: "Cel", base: 36.2, swing: 1.4, everyS: 2 },
  { topic: 2, producer: "pi-03", name: "humidity", unit: "%RH", base: 48, swing: 6, everyS: 2 },
  {
    topic: 3,
    producer: "boiler",
    name: "pressure",
    unit: "Pa",
    base: 182_000,
    swing: 2400,
    everyS: 1,
  },
  { topic: 4, producer: "boiler", name: "flow", unit: "Cel", base: 68, swing: 3, everyS: 1 },
  {
    topic: 5,
    producer: "roof",
    name: "wind",
    unit: "m/s",
    base: 5.2,
    swing: 3.4,
    everyS: 3,
    silentForS: 420,
  },
];

function valueAt({ base, swing }: Wave, atS: number): number {
  const slow = Math.sin((atS / DAY_S) * 2 * Math.PI * 40);
  const quick = Math.sin(atS / 37) * 0.35 + Math.sin(atS / 7.3) * 0.12;
  const noise = (Math.random() - 0.5) * 0.2;
  return Number((base + swing * (slow * 0.7 + quick + noise)).toPrecision(5));
}

function play(rig: Rig): void {
  const nowMs = Date.now();
  for (const wave of WAVES)
    for (let s = PAST_S; s >= (wave.silentForS ?? 0); s -= wave.everyS) {
      const timeMs = nowMs - s * 1000;
      rig.add({ ...wave, value: valueAt(wave, timeMs / 1000), timeMs, arrivedMs: timeMs + 40 });
    }
  rig.add({ topic: 5, producer: "roof", name: "door", unit: null, value: false });
  rig.add({
    topic: 3,
    producer: "boiler",
    name: "state",
    unit: null,
    value: "heating, burner 1 of 2",
  });
  rig.hops = (["bridge", "kafka", "zookeeper", "directory"] as const).map((name) => ({
    ...{ name, state: "up", seenMs: Date.now() - 900 },
  }));
  rig.facts = (id) => ({
    ...{ found: true, readings: 4000, rejects: 0, missing: id === 5 ? 12 : 0 },
    ...{ rate: [1.2, 0.1, 1, 1, 1, 0][id] ?? 1, lag: 0 },
  });
}

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
          text: `{"client":"pi-01","serial":4,"status":"active","sealed":"${hex(60)}…"}`,
          bytes: 2214,
        },
      ],
    },
    network: { bytes: 186, padded: true },
  };
}

async function main(folder: string): Promise<void> {
  const rules = [{ topic: "greenhouse/*", name: "temp", low: 5, high: 35 }];
  const rig = new Rig({ topics: TOPICS, rules });
  play(rig);
  rig.seen = async () => seen();
  await rig.start();
  const empty = new Rig({ topics: ["plant/boiler/temperature"] });
  empty.hops = rig.hops;
  empty.facts = () => ({ found: false, readings: 0, rejects: 0, missing: 0, rate: 0, lag: null });
  await empty.start();
  const closed = new Rig({ topics: [], token: "a token of twenty characters" });
  await closed.start();
  const browser = await launchBrowser();
  const live = setInterval(() => {
    for (const wave of WAVES)
      if (!wave.silentForS) rig.add({ ...wave, value: valueAt(wave, Date.now() / 1000) });
  }, 1000);
  const take = async (name: string, url: string, options: PageOptions): Promise<void> => {
    const { page, complaints } = await openPage(browser, options);
    await page.goto(url);
    await page.waitForTimeout(2500);
    await page.screenshot({ path: join(folder, `${name}.png`) });
    if (complaints.length > 0) process.stderr.write(`${name}: ${complaints.join("; ")}\n`);
    await page.context().close();
  };
  await take("dashboard-light", rig.url, { theme: "light" });
  await take("dashboard-dark", rig.url, { theme: "dark" });
  await take("dashboard-phone", rig.url, { theme: "light", phone: true });
  await take("dashboard-seen", `${rig.url}#/seen/0`, { theme: "light" });
  await take("dashboard-empty", empty.url, { theme: "light" });
  await take("dashboard-login", closed.url, { theme: "dark" });
  clearInterval(live);
  await browser.close();
  for (const each of [rig, empty, closed]) await each.stop();
}

await main(packageFile("docs", "images"));

/** `npm run bench -- bridge`: how much the bridge takes, how fast, and what the scheme costs of it. */
import type { Benchmark, BenchmarkContext } from "../framework/benchmark.ts";
import { figure, percent } from "../framework/figures.ts";
import type { Section } from "../framework/findings.ts";
import { linePlot, type Series } from "../framework/line-plot.ts";
import { median, medianRatio } from "../framework/statistics.ts";
import { perfTest } from "./perf-test.ts";
import { type BridgeRig, withBridgeRig } from "./rig.ts";
import { Figures, runInRounds } from "./runs.ts";

const SIZES = [200, 1000] as const;
const FULL = {
  clients: [1, 50, 500],
  rates: [1_000, 5_000, 20_000],
  // Many and short, since ratios come from them and the machine's speed drifts within seconds. Started anew, since two processes of
  // one program differ by several percent for as long as they live.
  starts: 3,
  closed: { rounds: 6, seconds: 1 },
  open: { rounds: 2, seconds: 3 },
} as const;
const QUICK = {
  clients: [2],
  rates: [100],
  starts: 1,
  closed: { rounds: 1, seconds: 1 },
  open: { rounds: 1, seconds: 1 },
} as const;
/** Publishes in flight: of one client at most the device's window (PROTOCOL.md §5), of all together this many. */
const WINDOW = 100;
const IN_FLIGHT = 2_000;
const OPEN_LOOP_CLIENTS = 50;
/** Some seconds' worth. */
const PERF_RECORDS = 1_000_000;
const QUICK_PERF_RECORDS = 10_000;
const PROFILE_CLIENTS = 50;
const PROFILE_SECONDS = 10;
const SHARES = 20;

export const bridgeBenchmark: Benchmark = {
  name: "bridge",
  summary: "messages a second and PUBACK times, beside the same way without the scheme",
  async run(context) {
    const { quick, folder, signal, say } = context;
    const devices = Math.max(...(quick ? QUICK : FULL).clients, quick ? 0 : OPEN_LOOP_CLIENTS);
    return withBridgeRig({ folder, devices, signal, say }, async (rig) => {
      const closed = await closedLoop(context, rig);
      const open = await openLoop(context, rig);
      return {
        summary:
          "QoS 1, acks=all, one Kafka broker on the same machine, publishers on raw sockets in a process of their own. *Plain* is " +
          "the same aedes, writer and kafkajs with the scheme switched off, its topics with the same settings and its messages " +
          "numbered and keyed by client, too; *aedes* acknowledges at once and writes nothing. All are up and all clients connected all the time, one is " +
          "loaded at a time, in rounds that go through all orders; as fast as it goes, a third of the rounds each is of processes started " +
          "anew, since two of one program differ for as long as they live. The bridge is the program that the package installs, and the " +
          "others are bundled as it is. A figure is the median of its rounds, a ratio the median of the ratios within each round, a " +
          "time a quantile over all rounds.",
        sections: [
          ...closedSections(closed),
          await perfSection(context, rig, closed),
          ...openSections(open),
          costSection([...closed, ...open]),
          await profileSection(context, rig),
        ],
      };
    });
  },
};

/** One scenario and its figures: bridge, plain and, where it was loaded, aedes. */
interface Measured {
  readonly size: number;
  readonly clients: number;
  readonly perSecond?: number;
  readonly bridge: Figures;
  readonly plain: Figures;
  readonly aedes?: Figures;
}

async function closedLoop(context: BenchmarkContext, rig: BridgeRig): Promise<Measured[]> {
  const { quick, signal, progress } = context;
  const { clients: counts, starts, closed } = quick ? QUICK : FULL;
  const measured = SIZES.flatMap((size) =>
    counts.map((clients) => {
      const [bridge, plain, aedes] = [new Figures(), new Figures(), new Figures()];
      return { size, clients, bridge, plain, aedes };
    }),
  );
  const advance = progress("closed loop, scenarios", starts * measured.length);
  for (let start = 0; start < starts; start++)
    await rig.withTargets(async (targets) => {
      for (const { size, clients, bridge, plain, aedes } of measured) {
        const window = Math.max(1, Math.min(WINDOW, Math.floor(IN_FLIGHT / clients)));
        const load = { kind: "closed", window } as const;
        await runInRounds(
          rig.generator,
          [
            { target: targets.bridge, into: bridge },
            { target: targets.plain, into: plain },
            { target: targets.aedes, into: aedes },
          ],
          { ...closed, clients, size, load, signal },
        );
        advance();
      }
    });
  return measured;
}

async function openLoop(context: BenchmarkContext, rig: BridgeRig): Promise<Measured[]> {
  const { quick, signal, progress } = context;
  const { rates, open } = quick ? QUICK : FULL;
  const clients = quick ? 2 : OPEN_LOOP_CLIENTS;
  const advance = progress("open loop, scenarios", SIZES.length * rates.length);
  const measured = SIZES.flatMap((size) =>
    rates.map((perSecond) => {
      const [bridge, plain] = [new Figures(), new Figures()];
      return { size, clients, perSecond, bridge, plain };
    }),
  );
  await rig.withTargets(async (targets) => {
    for (const { size, perSecond, bridge, plain } of measured) {
      const load = { kind: "open", perSecond, window: WINDOW } as const;
      await runInRounds(
        rig.generator,
        [
          { target: targets.bridge, into: bridge },
          { target: targets.plain, into: plain },
        ],
        { ...open, clients, size, load, signal },
      );
      advance();
    }
  });
  return measured;
}

function closedSections(measured: readonly Measured[]): Section[] {
  const rows = measured.map(({ size, clients, bridge, plain, aedes }) => [
    size,
    clients,
    median(bridge.perSecond),
    median(plain.perSecond),
    percent(medianRatio(bridge.perSecond, plain.perSecond)),
    aedes ? median(aedes.perSecond) : null,
    ...times(bridge),
    median(bridge.cores),
    Math.max(...bridge.residentMiB),
  ]);
  return [
    {
      heading: "As fast as it goes",
      text:
        "Each client keeps its window full: 100 publishes, or as many as make 2,000 of all clients. Messages a second; the " +
        "PUBACK's time, the processors kept busy and the resident memory are the bridge's.",
      table: {
        columns: [
          ...["bytes", "clients", "bridge/s", "plain/s", "bridge of plain", "aedes/s"],
          ...["p50, ms", "p99, ms", "p99.9, ms", "cores", "resident, MiB"],
        ],
        rows,
      },
      plot: {
        name: "throughput",
        alt: "Messages a second over the number of clients, for the bridge, plain and aedes",
        svg: throughputPlot(measured.filter(({ size }) => size === SIZES[0])),
      },
    },
  ];
}

/** What of a figure other processes have no part in. */
function costSection(measured: readonly Measured[]): Section {
  const microseconds = ({ cores, perSecond }: Figures): number[] =>
    cores.map((busy, round) => (1e6 * busy) / (perSecond[round] ?? Number.NaN));
  return {
    heading: "What a message costs",
    text:
      "The bridge process's processor time over the messages it acknowledged. On a machine that others use this says more " +
      "than messages a second: the clock runs while others have the processor, this does not.",
    table: {
      columns: ["bytes", "load", "bridge, µs", "plain, µs", "plain of bridge"],
      rows: measured.map(({ size, clients, perSecond, bridge, plain }) => [
        size,
        perSecond === undefined ? `${clients} clients, full` : `${figure(perSecond)}/s`,
        median(microseconds(bridge)),
        median(microseconds(plain)),
        percent(medianRatio(microseconds(plain), microseconds(bridge))),
      ]),
    },
  };
}

async function profileSection(
  { quick, signal, say }: BenchmarkContext,
  rig: BridgeRig,
): Promise<Section> {
  const clients = quick ? 2 : PROFILE_CLIENTS;
  const [size] = SIZES;
  const load = { kind: "closed", window: Math.floor(IN_FLIGHT / PROFILE_CLIENTS) } as const;
  const seconds = quick ? QUICK.closed.seconds : PROFILE_SECONDS;
  say("a profile");
  const shares = await rig.profile(async (bridge) => {
    const scenario = { clients, size, load, seconds, rounds: 1, signal };
    await runInRounds(rig.generator, [{ target: bridge, into: new Figures() }], scenario);
  });
  return {
    heading: "Where the time goes",
    text:
      `Of the busy time of a bridge's main thread, by V8's profiler, with ${clients} clients at full speed and ${size} bytes; ` +
      "its start is in it, too. Packages by their name, Node's parts as `node:`, what is C++ as `native:`.",
    table: {
      columns: ["where", "part"],
      rows: shares.slice(0, SHARES).map(([place, share]) => [place, percent(share)]),
    },
  };
}

function times({ latencies }: Figures): number[] {
  return [0.5, 0.99, 0.999].map((q) => latencies.quantile(q));
}

function throughputPlot(measured: readonly Measured[]): string {
  const line = (name: string, of: (one: Measured) => Figures | undefined): Series => ({
    name,
    points: measured.map((one) => [one.clients, median(of(one)?.perSecond ?? [])] as const),
  });
  return linePlot({
    title: `Messages of ${SIZES[0]} bytes, as fast as it goes`,
    x: { label: "clients", scale: "log" },
    y: { label: "acknowledged messages a second", scale: "linear" },
    series: [
      line("bridge", ({ bridge }) => bridge),
      line("plain: without the scheme", ({ plain }) => plain),
      line("aedes alone", ({ aedes }) => aedes),
    ],
  });
}

async function perfSection(
  { quick, signal, say }: BenchmarkContext,
  { cluster: { brokers }, plainTopics: [topic = ""] }: BridgeRig,
  measured: readonly Measured[],
): Promise<Section> {
  const records = quick ? QUICK_PERF_RECORDS : PERF_RECORDS;
  const rows: (string | number)[][] = [];
  for (const size of SIZES) {
    say(`kafka-producer-perf-test, ${records} records of ${size} bytes`);
    const perSecond = await perfTest({ brokers, topic, size, records, signal });
    const own = measured.filter((one) => one.size === size);
    const best = Math.max(...own.map(({ bridge }) => median(bridge.perSecond)));
    rows.push([size, perSecond, best, percent(best / perSecond)]);
  }
  return {
    heading: "Beside kafka-producer-perf-test",
    text:
      "Kafka's own tool: one Java producer that fills batches for one partition, without MQTT, clients or PUBACKs. The bridge's " +
      "figure is the best of those above.",
    table: { columns: ["bytes", "perf-test/s", "bridge/s", "bridge of perf-test"], rows },
  };
}

function openSections(measured: readonly Measured[]): Section[] {
  return [
    {
      heading: "At a steady rate",
      text:
        `${OPEN_LOOP_CLIENTS} clients send when it is time, whatever has been acknowledged; a PUBACK's time runs from when its ` +
        "publish was due.",
      table: {
        columns: [
          ...[
            "bytes",
            "due/s",
            "bridge/s",
            "p50, ms",
            "p99, ms",
            "p99.9, ms",
            "cores",
            "resident, MiB",
          ],
          ...["plain/s", "plain p50, ms", "plain p99, ms", "plain p99.9, ms", "plain cores"],
        ],
        rows: measured.map(({ size, perSecond = 0, bridge, plain }) => [
          ...[size, perSecond, median(bridge.perSecond), ...times(bridge)],
          ...[median(bridge.cores), Math.max(...bridge.residentMiB)],
          ...[median(plain.perSecond), ...times(plain), median(plain.cores)],
        ]),
      },
      plot: {
        name: "latency",
        alt: "The PUBACK's time over the rate: the median and the 99th percentile of bridge and plain",
        svg: latencyPlot(measured.filter(({ size }) => size === SIZES[0])),
      },
    },
  ];
}

function latencyPlot(measured: readonly Measured[]): string {
  const line = (name: string, of: (one: Measured) => Figures, q: number): Series => ({
    name,
    points: measured.map((one) => [one.perSecond ?? 0, of(one).latencies.quantile(q)] as const),
  });
  return linePlot({
    title: `PUBACK times, messages of ${SIZES[0]} bytes`,
    x: { label: "messages a second", scale: "log" },
    y: { label: "from due to PUBACK, ms", scale: "log" },
    series: [
      line("bridge, p99", ({ bridge }) => bridge, 0.99),
      line("plain, p99", ({ plain }) => plain, 0.99),
      line("bridge, p50", ({ bridge }) => bridge, 0.5),
      line("plain, p50", ({ plain }) => plain, 0.5),
    ],
  });
}

/** `npm run bench -- revocation`: fifty revocations on two bridges at once. */
import { join } from "node:path";
import { startCluster } from "../../../demo/cluster/cluster.ts";
import type { Benchmark } from "../framework/benchmark.ts";
import type { Table } from "../framework/findings.ts";
import { linePlot, type Series } from "../framework/line-plot.ts";
import { quantile } from "../framework/statistics.ts";
import { Operator } from "../rig/operator.ts";
import { type Connected, type CutOff, connectClients, type Kind, revokeOne } from "./revoke.ts";

const FULL_CLIENTS = 50;
const QUICK_CLIENTS = 4;
const KINDS: readonly Kind[] = ["device", "consumer"];

export const revocationBenchmark: Benchmark = {
  name: "revocation",
  summary: "from a revoking document to the end of the session, on two bridges at once",
  async run({ quick, folder, signal, say, progress }) {
    const cluster = await startCluster({ dir: folder, brokers: 3, signal, onProgress: say });
    try {
      const { zookeeper } = cluster;
      const operator = await Operator.start({
        folder: join(folder, "operator"),
        zookeeper,
        bridges: 2,
        signal,
      });
      try {
        const clients = await connectClients(operator, quick ? QUICK_CLIENTS : FULL_CLIENTS);
        const advance = progress("revocations", clients.length);
        const cuts = await revokeAll(operator, clients, signal, advance);
        return {
          summary:
            "Two bridges, three brokers and a ZooKeeper, each a process of its own. A client has a session at both bridges: " +
            "a device its MQTT connection, a consumer asks every 10 ms. Its revocation is sent to one bridge, to each of them " +
            "by turns; the time runs from sending the document until the connection is closed, or the first refusal has come.",
          sections: [
            {
              heading: "From the document to the cut",
              text: "The product promises less than 1,000 ms on every bridge.",
              table: tableOf(cuts),
              plot: {
                name: "times",
                alt: "How many of the revocations had taken effect after how many milliseconds",
                svg: plotOf(cuts),
              },
            },
          ],
        };
      } finally {
        await operator.stop();
      }
    } finally {
      await cluster.stop();
    }
  },
};

async function revokeAll(
  operator: Operator,
  clients: readonly Connected[],
  signal: AbortSignal,
  advance: () => void,
): Promise<CutOff[]> {
  const cuts: CutOff[] = [];
  for (const [n, client] of clients.entries()) {
    signal.throwIfAborted();
    // Kinds alternate one by one, bridges two by two: each kind is revoked at each bridge.
    cuts.push(await revokeOne(operator, client, { at: Math.floor(n / 2) % 2, signal }));
    advance();
  }
  return cuts;
}

interface Sample {
  readonly name: string;
  readonly timesMs: readonly number[];
}

function samplesOf(cuts: readonly CutOff[]): Sample[] {
  return KINDS.flatMap((kind) => {
    const own = cuts.filter((cut) => cut.kind === kind);
    return [
      { name: `${kind}, the bridge that was told`, timesMs: own.map(({ sameMs }) => sameMs) },
      { name: `${kind}, the other bridge`, timesMs: own.map(({ otherMs }) => otherMs) },
    ];
  });
}

function tableOf(cuts: readonly CutOff[]): Table {
  const all = [
    ...samplesOf(cuts),
    { name: "all, the bridge that was told", timesMs: cuts.map(({ sameMs }) => sameMs) },
    { name: "all, the other bridge", timesMs: cuts.map(({ otherMs }) => otherMs) },
  ];
  return {
    columns: ["who, where", "revocations", "p50, ms", "p99, ms", "max, ms"],
    rows: all.map(({ name, timesMs }) => [
      name,
      timesMs.length,
      ...[0.5, 0.99, 1].map((q) => quantile(timesMs, q)),
    ]),
  };
}

/** How many per cent were cut off by then. */
function plotOf(cuts: readonly CutOff[]): string {
  const series = samplesOf(cuts).map(({ name, timesMs }): Series => {
    const sorted = [...timesMs].sort((a, b) => a - b);
    const points = sorted.map((ms, n) => [ms, (100 * (n + 1)) / sorted.length] as const);
    return { name, points };
  });
  return linePlot({
    title: "Revoked clients that are cut off",
    x: { label: "time since the document was sent, ms", scale: "log" },
    y: { label: "cut off, per cent", scale: "linear" },
    series,
  });
}

/** `npm run bench -- reconnect`: a whole fleet that is cut off at once, and what it takes of a bridge while it is silent. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { VeilError } from "../../../core/errors.ts";
import { pause } from "../../../core/runtime/backoff.ts";
import { startCluster } from "../../../demo/cluster/cluster.ts";
import type { DemoBridge } from "../../../demo/demo-bridge.ts";
import type { Benchmark, BenchmarkContext } from "../framework/benchmark.ts";
import type { Findings } from "../framework/findings.ts";
import { installed } from "../framework/unit-settings.ts";
import { deviceKit, recordPublisher } from "../load/device-kit.ts";
import { residentBytes } from "../load/usage.ts";
import { Operator, TEST_CA_FILE } from "../rig/operator.ts";
import { type At, type DeviceWords, wordsOf } from "./device.ts";
import { FleetProcess, type Flowing } from "./fleet.ts";

const FULL = { devices: 10_000, settleMs: 60_000 } as const;
const QUICK = { devices: 300, settleMs: 1_000 } as const;
const TOPICS = 100;
const SIZE = 200;
/** So many sites: a bridge limits the connections of each address. */
const ADDRESSES = 20;
const OPENING_AT_ONCE = 50;
const MIB = 2 ** 20;
const TARGET_MIB = { TCP: 350, TLS: 550 } as const;

type Transport = keyof typeof TARGET_MIB;

interface Row {
  readonly transport: Transport;
  readonly cache: "warm" | "cold";
  readonly flowing: Flowing;
}

interface Memory {
  readonly transport: Transport;
  readonly emptyMib: number;
  readonly idleMib: number;
}

export const reconnectBenchmark: Benchmark = {
  name: "reconnect",
  summary: "10,000 devices that come back at once, and their memory while they are silent",
  run: async (context) => {
    const { folder, signal, say, quick } = context;
    const cluster = await startCluster({ dir: folder, brokers: 1, signal, onProgress: say });
    const operator = await Operator.start({
      folder: join(folder, "operator"),
      zookeeper: cluster.zookeeper,
      bridges: 2,
      tlsBridges: 1,
      // What an operator gets without saying anything.
      sections: {},
      node: await installed("veilmq-bridge.service", join(folder, "bundle")),
      signal,
    });
    let fleet: FleetProcess | undefined;
    try {
      const { devices } = quick ? QUICK : FULL;
      fleet = await FleetProcess.start(await makeDevices(operator, devices, context));
      const ca = await readFile(TEST_CA_FILE, "utf8");
      const [tcp, tls] = operator.bridges;
      if (!tcp || !tls) throw new VeilError("INTERNAL", "a bridge is missing");
      const overTcp = await measure({ transport: "TCP", bridge: tcp, fleet }, context);
      const overTls = await measure({ transport: "TLS", bridge: tls, fleet, ca }, context);
      return report(devices, [overTcp, overTls]);
    } finally {
      await fleet?.stop();
      await operator.stop();
      await cluster.stop();
    }
  },
};

async function makeDevices(
  operator: Operator,
  count: number,
  { say }: BenchmarkContext,
): Promise<DeviceWords[]> {
  const topicOf = (n: number): string => `plant/line-${n % TOPICS}`;
  say(`enrolling ${count} devices`);
  const wanted = Array.from({ length: count }, (_, n) => {
    return { client: `device-${n}`, topics: [topicOf(n)] };
  });
  const enrolled = await operator.enrol(wanted);
  say("making their keys");
  return enrolled.map((device, n) => {
    const kit = deviceKit(device, topicOf(n));
    const record = recordPublisher(kit, { port: 0, size: SIZE });
    return wordsOf(kit, record, `127.0.0.${2 + (n % ADDRESSES)}`);
  });
}

interface Scene {
  readonly transport: Transport;
  readonly bridge: DemoBridge;
  readonly fleet: FleetProcess;
  readonly ca?: string;
}

async function measure(
  { transport, bridge, fleet, ca }: Scene,
  { quick, signal, say }: BenchmarkContext,
): Promise<{ rows: Row[]; memory: Memory }> {
  const { settleMs } = quick ? QUICK : FULL;
  const at: At = { port: bridge.mqttPort, ca };
  // It may not know the newest of them yet; a restart makes both bridges alike.
  await bridge.restart(signal);
  const emptyMib = await residentMib(bridge);
  say(`${transport}: connecting for the first time`);
  await fleet.flow({ flow: at, isFirst: true, atOnce: OPENING_AT_ONCE });
  await pause(settleMs, signal);
  const idleMib = await residentMib(bridge);
  say(`${transport}: cutting all of them off`);
  await fleet.cut();
  const warm = await fleet.flow({ flow: at, isFirst: false });
  say(`${transport}: starting the bridge anew`);
  await fleet.cut();
  await bridge.restart(signal);
  const cold = await fleet.flow({ flow: at, isFirst: false });
  await fleet.cut();
  return {
    rows: [
      { transport, cache: "warm", flowing: warm },
      { transport, cache: "cold", flowing: cold },
    ],
    memory: { transport, emptyMib, idleMib },
  };
}

async function residentMib({ process }: DemoBridge): Promise<number> {
  return (await residentBytes(process.pid ?? 0)) / MIB;
}

function report(devices: number, measured: readonly { rows: Row[]; memory: Memory }[]): Findings {
  const seconds = (ms: number): number => Math.round(ms / 100) / 10;
  return {
    summary:
      `${devices} devices of ${ADDRESSES} addresses on raw sockets in a process of their own, ${TOPICS} topics, one bridge with its ` +
      "default limits, one Kafka broker. All on one machine.",
    sections: [
      {
        heading: "Until all flow again",
        text:
          "All connections are cut at one moment. Each device comes back as an agent does (0.5 s to 1 s later, then with " +
          "backoff and jitter), logs in, registers its topic and publishes a record; it flows when that has its PUBACK. " +
          "Warm: the bridge has run on. Cold: it was started anew, and the time runs from when it listens.",
        table: {
          columns: ["over", "cache of PEnc", "half, s", "99 %, s", "all, s", "attempts"],
          rows: measured.flatMap(({ rows }) =>
            rows.map(({ transport, cache, flowing: { times, attempts } }) => [
              transport,
              cache,
              ...[0.5, 0.99, 1].map((q) => seconds(times.quantile(q))),
              attempts,
            ]),
          ),
        },
        note: "The devices' own work, TLS handshakes above all, takes its part of the same processor.",
      },
      {
        heading: "Silent connections",
        text: "The bridge's resident memory, after its start and with all devices connected and silent for a minute: V8 gives back what connecting left when nothing happens for a while.",
        table: {
          columns: ["over", "without, MiB", "with, MiB", "each, kB", `target of 10,000, MiB`],
          rows: measured.map(({ memory: { transport, emptyMib, idleMib } }) => [
            transport,
            Math.round(emptyMib),
            Math.round(idleMib),
            Math.round((10 * (idleMib - emptyMib) * MIB) / devices / 1000) / 10,
            TARGET_MIB[transport],
          ]),
        },
      },
    ],
  };
}

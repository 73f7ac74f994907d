/** Everything that breaks. A kind chooses what to break; the fault breaks it, and puts right what does not heal by itself. */

import type { ServerName } from "../../demo/cluster/cluster.ts";
import type { GuardedProcess } from "../../demo/guarded-process.ts";
import type { Device } from "./device.ts";
import type { Random } from "./random.ts";
import type { FaultRig } from "./rig.ts";

/** One fault, chosen. */
export interface Fault {
  /** What it hits. */
  readonly target: string;
  readonly inject: () => Promise<void>;
  /** Puts it right; without it the system has to cope with what is left. */
  readonly heal?: () => Promise<void>;
  /** The device whose readings may be not taken meanwhile. */
  readonly outage?: Device;
}

export interface FaultKind {
  readonly name: string;
  /** How long it lasts where time is short, in seconds. */
  readonly briefS: number;
  /** How long it lasts in a long run, at least and at most, in seconds. */
  readonly holdS: readonly [number, number];
  /** How often it comes in a long run. */
  readonly weight: number;
  readonly choose: (rig: FaultRig, random: Random) => Fault;
}

const BROKERS = [1, 2, 3] as const;
const OFTEN = 3;
/** Two minutes each: some of them are enough. */
const SELDOM = 1;
/** Longer than a broker's session (6 s) and a bridge's (5 s). */
const BEYOND_SESSIONS = { briefS: 8, holdS: [8, 11] } as const;
const SLOW_MS = [100, 500] as const;

export const FAULT_KINDS: readonly FaultKind[] = [
  kind("agent killed", seconds(0.5, 3), (rig, random) => {
    const device = random.pick(rig.devices);
    return { ...killed(device.agent.process), outage: device };
  }),
  kind("bridge killed", seconds(0.5, 4), ({ bridges, signal }, random) => {
    const bridge = random.pick(bridges);
    // All of its start: the next fault may be to stop it.
    return { ...killed(bridge.process), heal: () => bridge.start(signal) };
  }),
  kind("consumer killed", seconds(0.5, 3), ({ consumer }) => killed(consumer)),
  ...BROKERS.map((id) => serverKilled(`kafka-${id}`)),
  serverKilled("zookeeper"),
  {
    ...kind("all brokers killed", { briefS: 4, holdS: [120, 120] }, (rig) => ({
      target: "all brokers",
      inject: () => each(BROKERS, (id) => rig.cluster.kill(`kafka-${id}`, "SIGKILL")),
      heal: () => each(BROKERS, (id) => rig.cluster.restart(`kafka-${id}`)),
    })),
    weight: SELDOM,
  },
  kind("broker frozen", BEYOND_SESSIONS, (rig, random) =>
    frozen(rig, `kafka-${random.pick(BROKERS)}`),
  ),
  kind("zookeeper frozen", seconds(2, 4), (rig) => frozen(rig, "zookeeper")),
  kind("zookeeper frozen, sessions expire", BEYOND_SESSIONS, (rig) => frozen(rig, "zookeeper")),
  kind("bridge frozen, session expires", BEYOND_SESSIONS, (rig, random) => {
    const { process } = random.pick(rig.bridges);
    return {
      target: process.name,
      inject: () => process.kill("SIGSTOP"),
      heal: () => process.kill("SIGCONT"),
    };
  }),
  kind("all bridges restarted, one after the other", seconds(0, 0), ({ bridges, signal }) => ({
    target: "all bridges",
    inject: async () => {
      for (const bridge of bridges) await bridge.restart(signal);
    },
  })),
  kind("broker stopped, leaders move", seconds(1, 3), (rig, random) => {
    const target: ServerName = `kafka-${random.pick(BROKERS)}`;
    return {
      target,
      inject: () => rig.cluster.kill(target, "SIGTERM"),
      heal: () => rig.cluster.restart(target),
    };
  }),
  kind("leaders elected anew", seconds(0, 0), (rig) => ({
    target: "all topics",
    inject: () => electPreferredLeaders(rig),
  })),
  network("frame cut in the middle", seconds(1, 2), (device) => device.network.cutNextFrame()),
  network("network stalls", seconds(2, 6), (device) => device.network.stall()),
  network("network forgets connections", seconds(1, 4), (device) => device.network.forget()),
  network("network slow", seconds(2, 6), (device, random) =>
    device.network.delay(random.between(...SLOW_MS)),
  ),
  network("half closed to the agent", seconds(0, 0), (device) => device.network.halfClose("agent")),
  network("half closed to the bridge", seconds(0, 0), (device) =>
    device.network.halfClose("bridge"),
  ),
  kind("disk full", seconds(2, 6), (rig, random) => {
    const device = random.pick(rig.devices);
    return {
      target: device.name,
      outage: device,
      inject: () => device.fillDisk(),
      heal: () => device.freeDisk(),
    };
  }),
  kind("serial line unplugged", seconds(0.5, 3), (rig, random) => {
    const device = random.pick(rig.devices);
    const { cable } = device.agent;
    return {
      target: device.name,
      outage: device,
      inject: () => cable.unplug(),
      heal: () => cable.plug(),
    };
  }),
];

type Duration = Pick<FaultKind, "briefS" | "holdS">;

export function seconds(least: number, most: number): Duration {
  return { briefS: least, holdS: [least, most] };
}

export function kind(name: string, duration: Duration, choose: FaultKind["choose"]): FaultKind {
  return { name, ...duration, weight: OFTEN, choose };
}

/** In the network of one agent or, as often, of all. */
function network(
  name: string,
  duration: Duration,
  spoil: (device: Device, random: Random) => void,
): FaultKind {
  return kind(name, duration, (rig, random) => {
    const one = random.pick(rig.devices);
    const devices = random.next() < 0.5 ? [one] : rig.devices;
    return {
      target: devices.length === 1 ? one.name : "all devices",
      inject: async () => {
        for (const device of devices) spoil(device, random);
      },
      heal: async () => {
        for (const device of devices) device.network.clear();
      },
    };
  });
}

function killed(process: GuardedProcess): Fault {
  return {
    target: process.name,
    inject: () => process.kill("SIGKILL"),
    heal: () => process.spawn(),
  };
}

function serverKilled(name: ServerName): FaultKind {
  return kind(`${name} killed`, seconds(0.5, 4), ({ cluster }) => ({
    target: name,
    inject: () => cluster.kill(name, "SIGKILL"),
    heal: () => cluster.restart(name),
  }));
}

function frozen({ cluster }: FaultRig, target: ServerName): Fault {
  return {
    target,
    inject: () => cluster.kill(target, "SIGSTOP"),
    heal: () => cluster.kill(target, "SIGCONT"),
  };
}

/** Kafka's controller looks for this node; it removes it when it is done. */
async function electPreferredLeaders(rig: FaultRig): Promise<void> {
  await rig.withZooKeeper(async (zookeeper) => {
    const topics = (await zookeeper.children("/brokers/topics")) ?? [];
    const partitions = topics
      .filter((topic) => topic.startsWith("veil-"))
      .map((topic) => ({ topic, partition: 0 }));
    const request = Buffer.from(JSON.stringify({ version: 1, partitions }));
    await zookeeper.put("/admin/preferred_replica_election", request);
  });
}

async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  await Promise.all(items.map(work));
}

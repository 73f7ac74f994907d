/**
 * `npm run bench -- agent`: what an agent takes of its device, as the package installs it: bundled, with the bounds on
 * memory that its unit sets. The bridge, and the sensor on its pseudo-terminal, run beside it on the same machine.
 */
import { join } from "node:path";
import { packageFile } from "../../../core/runtime/package.ts";
import type { NodeSettings } from "../../../demo/veilmq.ts";
import type { Benchmark, BenchmarkContext } from "../framework/benchmark.ts";
import { figure, percent } from "../framework/figures.ts";
import type { Section } from "../framework/findings.ts";
import { profileOf } from "../framework/profile.ts";
import { median, quantile } from "../framework/statistics.ts";
import { installed } from "../framework/unit-settings.ts";
import { BenchDevice } from "./device.ts";
import { watchVitals } from "./vitals.ts";

const RATES = [100, 1000] as const;
const SHARES = 12;

interface Scale {
  readonly starts: number;
  /** What the start needed is collected, and the scheme's worker thread has ended; a device is looked at after that. */
  readonly settleMs: number;
  readonly watchMs: number;
}
const FULL: Scale = { starts: 25, settleMs: 35_000, watchMs: 30_000 };
const QUICK: Scale = { starts: 1, settleMs: 0, watchMs: 1000 };

interface Setup extends Scale {
  readonly program: string;
  readonly node: NodeSettings;
}

export const agentBenchmark: Benchmark = {
  name: "agent",
  summary: "start, memory, processor and wake-ups of a device's agent, and what it can take",
  run: async (context) => {
    const node = await installed("default", join(context.folder, "bundle"));
    const setup: Setup = { ...(context.quick ? QUICK : FULL), program: node.program, node };
    return {
      summary:
        "The agent of one device, as the package installs it, with a sensor on a pseudo-terminal and a bridge beside it.",
      sections: [
        await starts(context, setup),
        await live(context, setup),
        ...(await saturated(context, setup)),
      ],
    };
  },
};

async function starts(context: BenchmarkContext, setup: Setup): Promise<Section> {
  const { program, node } = setup;
  const tick = context.progress("starts", setup.starts);
  const took: number[] = [];
  for (let n = 0; n < setup.starts; n++) {
    const folder = join(context.folder, `start-${n}`);
    const device = await BenchDevice.start({
      folder,
      program,
      node,
      online: true,
    });
    took.push(device.startMs);
    await device.stop();
    tick();
  }
  return {
    heading: "Start",
    text: `From the process's start until it reads its ports: ${figure(median(took))} ms, the median of ${took.length}; half of them took ${figure(quantile(took, 0.25))} to ${figure(quantile(took, 0.75))} ms, the worst ${figure(Math.max(...took))} ms.`,
  };
}

async function live(context: BenchmarkContext, setup: Setup): Promise<Section> {
  const { signal, say } = context;
  const { program, node } = setup;
  const folder = join(context.folder, "live");
  const device = await BenchDevice.start({ folder, program, node, online: true });
  const rows: (string | number)[][] = [];
  try {
    for (const rate of [0, ...RATES]) {
      say(rate === 0 ? "idle" : `${rate} readings a second`);
      if (rate === 0) await new Promise((resolve) => setTimeout(resolve, setup.settleMs));
      const before = await device.status();
      const [vitals] = await Promise.all([
        watchVitals(device.pid, setup.watchMs, signal),
        device.send(rate, setup.watchMs, signal),
      ]);
      const after = await device.status();
      const taken = (after.taken - before.taken) / (setup.watchMs / 1000);
      const { residentMiB, processor, wakes } = vitals;
      rows.push([rate, taken, residentMiB, 100 * processor, wakes]);
    }
  } finally {
    await device.stop();
  }
  const columns = ["readings/s sent", "taken/s", "resident, MiB", "% of a core", "wake-ups/s"];
  return { heading: "Live, with a bridge that takes everything", table: { columns, rows } };
}

async function saturated(context: BenchmarkContext, setup: Setup): Promise<Section[]> {
  const { program, node } = setup;
  const rows: (string | number)[][] = [];
  for (const online of [false, true]) {
    context.say(`as many as it takes, ${online ? "with" : "without"} a bridge`);
    const folder = join(context.folder, `full-${online}`);
    const device = await BenchDevice.start({ folder, program, node, online });
    const { taken, processor, residentMiB } = await fill(device, setup, context.signal);
    rows.push([online ? "yes" : "no", taken, residentMiB, 100 * processor]);
    await device.stop();
  }
  // Compiled, not bundled: places have names there.
  const compiled = packageFile("dist", "cli", "main.js");
  const folder = join(context.folder, "profile");
  const profiling = [...node.flags, "--cpu-prof", `--cpu-prof-dir=${folder}`];
  const device = await BenchDevice.start({
    folder,
    program: compiled,
    node: { ...node, flags: profiling },
    online: true,
  });
  await fill(device, setup, context.signal);
  await device.stop();
  const shares = (await profileOf(folder)).slice(0, SHARES);
  return [
    {
      heading: "As many as it takes",
      text: "Through one pseudo-terminal that is kept full. Taken: sealed, and on disk.",
      table: { columns: ["bridge", "taken/s", "resident, MiB", "% of a core"], rows },
    },
    {
      heading: "Where the time goes",
      text: "Of the main thread's busy time, with a bridge; sealing is `node: crypto` and `native`.",
      table: {
        columns: ["where", "part"],
        rows: shares.map(([place, share]) => [place, percent(share)]),
      },
    },
  ];
}

async function fill(device: BenchDevice, { watchMs }: Scale, signal: AbortSignal) {
  const before = await device.status();
  const [vitals] = await Promise.all([
    watchVitals(device.pid, watchMs, signal),
    device.send(Number.POSITIVE_INFINITY, watchMs, signal),
  ]);
  const after = await device.status();
  return { ...vitals, taken: (after.taken - before.taken) / (watchMs / 1000) };
}

/** `npm run bench -- hostile`: what a hostile client does to its neighbours' PUBACKs. */
import { join } from "node:path";
import { VeilError } from "../../../core/errors.ts";
import { newestEpoch } from "../../../core/wire/credential.ts";
import { startCluster } from "../../../demo/cluster/cluster.ts";
import type { Benchmark, BenchmarkContext } from "../framework/benchmark.ts";
import type { Findings } from "../framework/findings.ts";
import { deviceKit, recordPublisher } from "../load/device-kit.ts";
import { Generator } from "../load/generator.ts";
import { Histogram } from "../load/histogram.ts";
import type { PublisherOptions } from "../load/publisher.ts";
import { Operator } from "../rig/operator.ts";
import { underAttack } from "./attacker.ts";
import { ATTACKS, type Attack, type Target } from "./attacks.ts";

const NEIGHBOURS = 50;
const INSIDERS = 1;
const TOPICS = 10;
const SIZE = 200;
const PER_SECOND = 1000;
const P99 = 0.99;
/** DESIGN: one bad client must not move the others' p99 by more. */
const ALLOWED = 1.2;

interface Scale {
  readonly rounds: number;
  readonly seconds: number;
}
const FULL: Scale = { rounds: 5, seconds: 12 };
const QUICK: Scale = { rounds: 1, seconds: 3 };

interface Outcome {
  readonly attack: Attack;
  readonly calm: Histogram;
  readonly attacked: Histogram;
}

export const hostileBenchmark: Benchmark = {
  name: "hostile",
  summary: "the neighbours' PUBACK p99 while a hostile client does its worst",
  run: async (context) => {
    const { folder, signal, say } = context;
    const cluster = await startCluster({ dir: folder, brokers: 1, signal, onProgress: say });
    const operator = await Operator.start({
      folder: join(folder, "operator"),
      zookeeper: cluster.zookeeper,
      bridges: 1,
      // What an operator gets without saying anything.
      sections: {},
      signal,
    });
    const generator = Generator.start();
    try {
      return report(await attackAll(context, await prepare(operator), generator));
    } finally {
      await generator.stop();
      await operator.stop();
      await cluster.stop();
    }
  },
};

interface Prepared {
  readonly neighbours: readonly PublisherOptions[];
  readonly target: Target;
}

async function prepare(operator: Operator): Promise<Prepared> {
  const topicOf = (n: number): string => `plant/line-${n % TOPICS}`;
  const enrolled = await operator.enrol(
    Array.from({ length: NEIGHBOURS + INSIDERS }, (_, n) => ({
      client: `device-${n}`,
      topics: [topicOf(n)],
    })),
  );
  const [bridge] = operator.bridges;
  const [first] = enrolled;
  if (!bridge || !first) throw new VeilError("INTERNAL", "nothing was enrolled");
  const port = bridge.mqttPort;
  const made = enrolled.map((device, n) =>
    recordPublisher(deviceKit(device, topicOf(n)), { port, size: SIZE }),
  );
  const insiders = made.slice(NEIGHBOURS).map(({ login, password, greeting, topic, payload }) => ({
    ...{ login, password, greeting },
    record: { topic, payload },
  }));
  const { epoch } = newestEpoch(first.credential);
  return { neighbours: made.slice(0, NEIGHBOURS), target: { port, epoch, insiders } };
}

/** In each round each attack once, and before each of them as long without. */
async function attackAll(
  { quick, signal, say, progress }: BenchmarkContext,
  { neighbours, target }: Prepared,
  generator: Generator,
): Promise<Outcome[]> {
  const { rounds, seconds } = quick ? QUICK : FULL;
  const load = { kind: "open", perSecond: PER_SECOND, window: 100 } as const;
  const outcomes = ATTACKS.map((attack): Outcome => {
    return { attack, calm: new Histogram(), attacked: new Histogram() };
  });
  await generator.open("neighbours", neighbours);
  await generator.run("neighbours", load, seconds);
  say("attacking");
  const advance = progress("attacks", rounds * ATTACKS.length);
  for (let round = 0; round < rounds; round++)
    for (const { attack, calm, attacked } of outcomes) {
      signal.throwIfAborted();
      calm.merge((await generator.run("neighbours", load, seconds)).latencies);
      const order = { attack: attack.name, target };
      const { latencies } = await underAttack(order, () =>
        generator.run("neighbours", load, seconds),
      );
      attacked.merge(latencies);
      advance();
    }
  return outcomes;
}

function report(outcomes: readonly Outcome[]): Findings {
  const rows = outcomes.map(({ attack, calm, attacked }) => {
    const [before, during] = [calm.quantile(P99), attacked.quantile(P99)];
    const ratio = Math.round((100 * during) / before) / 100;
    const p50 = [calm.quantile(0.5), attacked.quantile(0.5)].map(tenths);
    return [attack.name, ...p50, tenths(before), tenths(during), ratio, attack.summary];
  });
  const worst = Math.max(...rows.map((row) => Number(row[5])));
  return {
    summary:
      `One bridge with its default limits, ${NEIGHBOURS} devices that publish ${PER_SECOND} records of ${SIZE} B a second together, ` +
      `and beside them, in a process of its own, an enrolled client or a stranger that attacks. The ` +
      "attacker, Kafka, ZooKeeper, the bridge and the devices share this machine: a part of what is seen is the attacker's own use of it.",
    sections: [
      {
        heading: "The neighbours' PUBACKs",
        text:
          `The product promises that one bad client moves the others' p99 by no more than ${Math.round(100 * (ALLOWED - 1))}%; ` +
          `the worst here is ${worst} times the calm one.`,
        table: {
          columns: [
            "attack",
            "p50 calm, ms",
            "p50 attacked, ms",
            "p99 calm, ms",
            "p99 attacked, ms",
            "p99 ratio",
            "what it is",
          ],
          rows,
        },
        note: "Calm and attacked are measured in turns, so that other work on the machine slows both alike.",
      },
    ],
  };
}

function tenths(ms: number): number {
  return Math.round(10 * ms) / 10;
}

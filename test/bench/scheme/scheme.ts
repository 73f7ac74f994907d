/** `npm run bench -- scheme`: what the mathematics costs, and a subscription among many topics beside the report's. */
import type { ModulusBits } from "../../../core/scheme/rsa/modulus.ts";
import type { Benchmark, BenchmarkContext } from "../framework/benchmark.ts";
import type { Section, Table } from "../framework/findings.ts";
import { type InterleaveOptions, interleave } from "../framework/interleave.ts";
import { linePlot, type Series } from "../framework/line-plot.ts";
import { median, medianRatio } from "../framework/statistics.ts";
import { mastersOf, type NamedMaster } from "./masters.ts";
import { LookUp, Scan } from "./match.ts";
import { measureRecords } from "./records.ts";
import { measureRoles } from "./roles.ts";

const FULL = { rounds: 9, batchMs: 40, topics: [10, 100, 1_000, 10_000, 100_000] } as const;
const QUICK = { rounds: 1, batchMs: 1, topics: [10, 100] } as const;
/** From here on the scan as listed, minutes of it, is run once and everything beside it, too. */
const ONCE_FROM_TOPICS = 10_000;
const SCAN_ROUNDS = 5;

export const schemeBenchmark: Benchmark = {
  name: "scheme",
  summary: "every role, suite and size; a match among T topics beside the report's scan",
  async run(context) {
    const { quick } = context;
    const sizes: readonly ModulusBits[] = quick ? [2048] : [2048, 3072, 4096];
    const masters = await mastersOf(sizes);
    return {
      summary:
        "Operations a second of one processor: everything runs in one thread, in rounds that take each operation in turn, " +
        "and the processor's time counts, not the clock's. A figure is the median of its rounds; a ratio is the median of " +
        "the ratios within each round.",
      sections: [
        await rolesSection(context, masters),
        await recordsSection(context),
        ...(await matchSections(context, masters)),
      ],
    };
  },
};

async function rolesSection(
  context: BenchmarkContext,
  masters: readonly NamedMaster[],
): Promise<Section> {
  return {
    heading: "Roles",
    text:
      "Operations a second. *UGen* makes all four halves of a consumer; *Check of W* is the bridge's look at an " +
      "announcement. With `pki` UEnc signs and PEnc verifies a trapdoor. –: nothing to compute, such as the length of a token.",
    ...(await measureRoles(masters, optionsOf(context, "roles"))),
  };
}

async function recordsSection(context: BenchmarkContext): Promise<Section> {
  return {
    heading: "Records",
    text: "Padded, as they are by default; a signature is Ed25519.",
    ...(await measureRecords(optionsOf(context, "records"))),
  };
}

function optionsOf(context: BenchmarkContext, label: string): InterleaveOptions {
  const { rounds, batchMs } = context.quick ? QUICK : FULL;
  const onRound = context.progress(`${label}, rounds`, rounds);
  return { rounds, batchMs, signal: context.signal, onRound };
}

/** One operation's costs by T: of each contestant, milliseconds, one figure a round. */
interface AtTopics {
  readonly topics: number;
  readonly names: readonly string[];
  readonly costsMs: readonly (readonly number[])[];
}

async function matchSections(
  context: BenchmarkContext,
  masters: readonly NamedMaster[],
): Promise<Section[]> {
  const { topics } = context.quick ? QUICK : FULL;
  const matched = masters.filter(({ name }) => name === "p256" || name.startsWith("rsa"));
  const advance = context.progress("a match among T topics", topics.length);
  const measured: AtTopics[] = [];
  for (const count of topics) {
    measured.push(await measureMatch(context, matched, count));
    advance();
  }
  return [
    {
      heading: "A match among T topics",
      text: MATCH_TEXT,
      plot: { name: "match", alt: MATCH_ALT, svg: plotOf(measured) },
      table: costsTable(measured),
    },
    { heading: "The report's scan as a multiple of ours", table: ratioTable(measured) },
  ];
}

const MATCH_TEXT =
  "One subscription, milliseconds. The report's `enc_match` compares the trapdoor with every stored topic until one " +
  "matches, and computes both sides anew each time (Listings 2, 3 and 7): *as listed* takes the whole power before the " +
  "modulus, as its Java does; *with modular powers* is the same scan by somebody who would have used `modPow`. Ours is one " +
  "PEnc, the tag, the grant and the look-up. The topic asked for stands in the middle of the list; neither side asks " +
  "ZooKeeper, whose packet of 1 MiB would end the report's list of names at some 8,000 topics. The report's powers are modulo " +
  "3337, which protects nothing: at 3,072 bits its scan would cost T exponentiations of ours.";
const MATCH_ALT =
  "One subscription over the number of topics: the report's scan grows with it, ours stays the same";

async function measureMatch(
  { quick, signal }: BenchmarkContext,
  masters: readonly NamedMaster[],
  topics: number,
): Promise<AtTopics> {
  const scan = new Scan(topics);
  const lookUps = masters.map(
    ({ name, master }) => new LookUp(`ours, ${name}`, { master, topics }),
  );
  const contestants = [
    scan.listed(),
    scan.modular(),
    ...lookUps.map((lookUp) => lookUp.contestant()),
  ];
  const rounds = quick || topics >= ONCE_FROM_TOPICS ? 1 : SCAN_ROUNDS;
  const batchMs = quick ? QUICK.batchMs : FULL.batchMs;
  const costsMs = await interleave(contestants, { rounds, batchMs, signal });
  return { topics, names: contestants.map(({ name }) => name), costsMs };
}

function costsTable(measured: readonly AtTopics[]): Table {
  return {
    columns: ["T", ...(measured[0]?.names ?? [])],
    rows: measured.map(({ topics, costsMs }) => [topics, ...costsMs.map(median)]),
  };
}

/** The report's two scans over ours: a row for each T and each of ours. */
function ratioTable(measured: readonly AtTopics[]): Table {
  const [listed = "", modular = "", ...ours] = measured[0]?.names ?? [];
  const rows = ours.flatMap((own, at) =>
    measured.map(({ topics, costsMs: [ofListed = [], ofModular = [], ...ofOurs] }) => {
      const costsMs = ofOurs[at] ?? [];
      return [own, topics, medianRatio(ofListed, costsMs), medianRatio(ofModular, costsMs)];
    }),
  );
  return { columns: ["", "T", listed, modular], rows };
}

function plotOf(measured: readonly AtTopics[]): string {
  const names = measured[0]?.names ?? [];
  const series = names.map(
    (name, at): Series => ({
      name,
      points: measured.map(({ topics, costsMs }) => [topics, median(costsMs[at] ?? [])] as const),
    }),
  );
  return linePlot({
    title: "One subscription among T topics",
    x: { label: "topics in Kafka, T", scale: "log" },
    y: { label: "processor time of one match, ms", scale: "log" },
    series,
  });
}

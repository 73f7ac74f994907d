/** `npm run demo -- paper`: chapter 4 of the report on a real cluster, from start to verdict. */
import { join } from "node:path";
import { VeilError } from "../../core/errors.ts";
import { startCluster } from "../cluster/cluster.ts";
import type { Observed } from "./observed.ts";
import { Operator } from "./operator.ts";
import type { PaperOptions } from "./options.ts";
import { table } from "./picture.ts";
import { Replay } from "./replay.ts";
import { REPORT_NAMES } from "./report.ts";
import { judge } from "./verdict.ts";

const BROKERS = 3;

export interface PaperRun {
  readonly options: PaperOptions;
  readonly dir: string;
  readonly signal: AbortSignal;
  /** Progress, a line at a time. */
  readonly say: (line: string) => void;
}

/** The last line of `--json`. */
export interface PaperResult {
  readonly figures: readonly {
    readonly figure: string;
    readonly held: boolean;
    readonly run: string;
  }[];
  /** By plain name, the name in Kafka. */
  readonly topics: Observed["names"];
  /** The consumer's, of topic-1. */
  readonly trapdoor: string;
  readonly answer: string;
  readonly latest: string;
}

/** Throws what did not start, and CONFLICT where an existing cluster has the report's topics already. */
export async function runPaper(run: PaperRun): Promise<{ result: PaperResult; ok: boolean }> {
  const { options, dir, signal, say } = run;
  if (options.zookeeper !== null) return onExisting(options.zookeeper, run);
  const cluster = await startCluster({ dir, brokers: BROKERS, signal, onProgress: say });
  try {
    return await replayOn(cluster.zookeeper, run);
  } finally {
    await cluster.stop();
  }
}

/** Leaves the cluster as it was. */
async function onExisting(zookeeper: string, run: PaperRun): ReturnType<typeof runPaper> {
  const operator = new Operator(zookeeper);
  const names = Object.values(REPORT_NAMES);
  try {
    await operator.start();
    const present = await operator.listTopics();
    if (names.some((name) => present.includes(name)))
      throw new VeilError("CONFLICT", "the report's topics exist in this cluster already", {
        hint: "delete them, or leave --zookeeper out: the replay begins at offset 0",
      });
    try {
      return await replayOn(zookeeper, run);
    } finally {
      await operator.deleteTopics(names);
    }
  } finally {
    await operator.stop();
  }
}

async function replayOn(zookeeper: string, run: PaperRun): ReturnType<typeof runPaper> {
  const { signal, say } = run;
  const { records, intervalMs } = run.options;
  const operator = new Operator(zookeeper);
  const dir = join(run.dir, "replay");
  const replay = new Replay({ zookeeper, operator, records, intervalMs, dir, signal, say });
  let seen: Observed;
  try {
    await operator.start();
    seen = await replay.play();
  } finally {
    await replay.stop();
    await operator.stop();
  }
  const rows = judge(seen, records);
  process.stderr.write(table(rows));
  const held = rows.filter((row) => row.held);
  say(`${held.length} of ${rows.length} hold in this run`);
  const result = {
    figures: rows.map(({ figure, held, run }) => ({ figure, held, run })),
    topics: seen.names,
    trapdoor: seen.first.consumer.trapdoor,
    answer: seen.answer,
    latest: seen.latest,
  };
  return { result, ok: held.length === rows.length };
}

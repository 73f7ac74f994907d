/** The report of a run: what it was, what became of the readings, and how long each kind of fault took to get over. */
import { describeCommit, describeMachine, loadAverage } from "../support/machine.ts";
import type { Verdict } from "./ledger.ts";
import type { Outcome } from "./perform.ts";

export interface RunReport {
  readonly seed: number;
  readonly rate: number;
  readonly bridges: number;
  readonly tookMs: number;
  /** When it began, milliseconds since 1970. */
  readonly beganAtMs: number;
  readonly outcomes: readonly Outcome[];
  readonly verdict: Verdict;
  readonly rejects: number;
  /** Why it ended early, if it did. */
  readonly failure: string | null;
}

export interface ReportOptions {
  readonly title: string;
  /** What writes it. */
  readonly command: string;
  /** Also a row for each fault. */
  readonly listsEach: boolean;
}

/** As Markdown. */
export async function renderReport(
  report: RunReport,
  { title, command, listsEach }: ReportOptions,
): Promise<string> {
  const { seed, rate, bridges, tookMs, beganAtMs, outcomes, verdict, rejects, failure } = report;
  const kinds = [...new Set(outcomes.map(({ kind }) => kind))].sort();
  const rows = kinds.map((kind) =>
    row(
      kind,
      outcomes.filter((outcome) => outcome.kind === kind),
    ),
  );
  const { taken, delivered, lost, doubled, outOfOrder, missed } = verdict;
  const lines = [
    `# ${title}`,
    "",
    `Written by \`${command}\`; the head of \`test/faults/ledger.ts\` says how each reading is counted.`,
    "",
    `- ${new Date(beganAtMs).toISOString().slice(0, 16).replace("T", " ")} UTC, commit ${await describeCommit()}`,
    `- ${await describeMachine()}; load average ${loadAverage()} at the end`,
    `- ${outcomes.length} faults with seed ${seed}, one after the other, in ${Math.round(tookMs / 60_000)} minutes; ` +
      `${rate} readings a second from ten devices, ${bridges} bridges, three brokers, one ZooKeeper, one consumer with --output`,
    ...(failure === null ? [] : [`- **It ended early: ${failure}**`]),
    "",
    "| taken | delivered | lost | doubled | out of order | missed | rejects |",
    "|---:|---:|---:|---:|---:|---:|---:|",
    `| ${[taken, delivered, lost, doubled, outOfOrder, missed, rejects].join(" | ")} |`,
    "",
    "*Missed* is a reading that a running agent with an open line and a working disk did not take. Recovery runs from",
    "the moment a fault is put right (where nothing is, from its beginning) until readings written after that have",
    "arrived at the consumer from all ten devices; what was killed is started anew within it.",
    "",
    "| fault | times | recovery, median | p99 |",
    "|---|---:|---:|---:|",
    ...rows,
    row("**all**", outcomes),
    "",
    ...(listsEach ? each(outcomes) : []),
  ];
  return lines.join("\n");
}

function each(outcomes: readonly Outcome[]): string[] {
  return [
    "## Each of them",
    "",
    "| | fault | where | lasted | recovery |",
    "|--:|---|---|---:|---:|",
    ...outcomes.map(({ kind, target, heldMs, recoveryMs }, n) => {
      const cells = [n + 1, kind, target, inSeconds(heldMs), inSeconds(recoveryMs)];
      return `| ${cells.join(" | ")} |`;
    }),
    "",
  ];
}

function row(name: string, outcomes: readonly Outcome[]): string {
  const times = outcomes.map(({ recoveryMs }) => recoveryMs).sort((a, b) => a - b);
  const cells = [times.length, inSeconds(quantile(times, 0.5)), inSeconds(quantile(times, 0.99))];
  return `| ${name} | ${cells.join(" | ")} |`;
}

/** Nearest rank; `sorted` ascending. */
function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

function inSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

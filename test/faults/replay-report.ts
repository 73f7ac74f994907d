/** The report of a replay: what it was, what became of the readings, and what the agent took meanwhile. */
import { describeCommit, describeMachine, loadAverage } from "../support/machine.ts";
import type { ReplayResult, Tenth } from "./replay.ts";

/** A heap breathes by so much. */
const FLAT_MIB = 16;

export interface ReplayReport {
  readonly result: ReplayResult;
  readonly rate: number;
  /** When it began, milliseconds since 1970. */
  readonly beganAtMs: number;
}

/** Whether every reading arrived once and in order, from an agent whose memory did not grow. */
export function isPerfect(result: ReplayResult): boolean {
  const { filled, lost, doubled, outOfOrder, rejected } = result;
  const isFlat = grownMiB(result.tenths) <= FLAT_MIB;
  return isFlat && [filled.dropped, lost, doubled, outOfOrder, rejected].every((n) => n === 0);
}

/** The most of the second half, less the most of the first. */
export function grownMiB(tenths: readonly Tenth[]): number {
  const half = Math.ceil(tenths.length / 2);
  const most = (some: readonly Tenth[]): number =>
    Math.max(...some.map(({ residentMiB }) => residentMiB));
  return most(tenths.slice(half)) - most(tenths.slice(0, half));
}

/** As Markdown. */
export async function renderReplayReport(report: ReplayReport): Promise<string> {
  const { result, rate, beganAtMs } = report;
  const { readings, filled, startS, tenths, progressLines } = result;
  const { arrived, lost, doubled, outOfOrder, rejected } = result;
  const whole = (value: number): string => Math.round(value).toLocaleString("en");
  const rows = tenths.map(({ done, seconds, residentMiB }, n) => {
    const before = tenths[n - 1] ?? { done: 0, seconds: startS };
    const perSecond = (done - before.done) / (seconds - before.seconds);
    return `| ${[done, seconds, perSecond, residentMiB].map(whole).join(" | ")} |`;
  });
  const lines = [
    "# A month offline",
    "",
    "Written by `npm run faults -- replay`: an outbox is filled by the agent's own sealing and outbox code, with a reading for",
    "each second; then the agent, compiled but not bundled, with the bounds on memory of its unit, sends it through a bridge",
    "without limits to Kafka (one broker), and a consumer reads it from there.",
    "",
    `- ${new Date(beganAtMs).toISOString().slice(0, 16).replace("T", " ")} UTC, commit ${await describeCommit()}`,
    `- ${await describeMachine()}; load average ${loadAverage()} at the end`,
    `- ${whole(readings)} readings, ${whole(filled.bytes / 2 ** 20)} MiB on disk, sealed and written in ${whole(filled.seconds)} s; ` +
      `${whole(filled.dropped)} dropped at the outbox's bound`,
    `- \`replayPerSecond: ${rate}\`; the agent answered ${startS.toFixed(1)} s after its start, and said ${progressLines} times in its log how far it was`,
    "",
    "| in the outbox | arrived | lost | doubled | out of order | refused |",
    "|---:|---:|---:|---:|---:|---:|",
    `| ${[readings, arrived, lost, doubled, outOfOrder, rejected].map(whole).join(" | ")} |`,
    "",
    "| acknowledged | after, s | a second | resident, MiB |",
    "|---:|---:|---:|---:|",
    ...rows,
    "",
    `Resident is the most that was seen in each tenth; the second half's most is ${whole(grownMiB(tenths))} MiB above the first's.`,
    "",
  ];
  return lines.join("\n");
}

/** The report of a consumer that was stopped again and again: what it was, and what became of the readings. */
import { describeCommit, describeMachine, loadAverage } from "../support/machine.ts";
import type { StopsOptions, StopsResult } from "./consumer-stops.ts";

export interface StopsReport {
  readonly options: Pick<StopsOptions, "readings" | "rate" | "seed">;
  readonly result: StopsResult;
  /** When it began, milliseconds since 1970. */
  readonly beganAtMs: number;
}

/** As Markdown. */
export async function renderStopsReport(report: StopsReport): Promise<string> {
  const { options, result, beganAtMs } = report;
  const { readings, lost, duplicates, outOfOrder, rejects } = result;
  const { stops, stopsInStream, kills, seconds } = result;
  const lines = [
    "# A consumer, stopped again and again",
    "",
    "Written by `npm run faults -- consumer`: one `veilmq consume --output` is stopped at random in a stream of readings from four",
    "sensors, every other time by kill -9, and started again. Then each reading in its file is counted.",
    "",
    `- ${new Date(beganAtMs).toISOString().slice(0, 16).replace("T", " ")} UTC, commit ${await describeCommit()}`,
    `- ${await describeMachine()}; load average ${loadAverage()} at the end`,
    `- ${options.readings.toLocaleString("en")} readings at ${options.rate} a second, seed ${options.seed}, ${stops} stops, ` +
      `${kills} of them by kill -9, ${stopsInStream} before everything had arrived; ${seconds} s, the start of the stack included`,
    "",
    "| sent | in the file | lost | doubled | out of order | rejects |",
    "|---:|---:|---:|---:|---:|---:|",
    `| ${[options.readings, readings, lost, duplicates, outOfOrder, rejects].join(" | ")} |`,
    "",
  ];
  return lines.join("\n");
}

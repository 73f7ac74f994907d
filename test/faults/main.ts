/** `npm run faults`: many faults under load. Exit 0 only if no reading was lost, doubled, missed or out of order. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { replaceFile } from "../../core/runtime/files.ts";
import { shutdownSignal } from "../../core/runtime/lifecycle.ts";
import { packageFile } from "../../core/runtime/package.ts";
import { type StopsResult, stopConsumer } from "./consumer-stops.ts";
import { DEVICE_FAULT_KINDS } from "./device-faults.ts";
import { FAULT_KINDS, type FaultKind } from "./faults.ts";
import { replayMonth } from "./replay.ts";
import { isPerfect as isPerfectReplay, renderReplayReport } from "./replay-report.ts";
import { type RunReport, renderReport } from "./report.ts";
import { runFaults } from "./run.ts";
import { renderStopsReport } from "./stops-report.ts";

const A_MONTH_S = 30 * 24 * 3600;

interface Options {
  readonly faults: number;
  readonly rate: number;
  readonly bridges: number;
  readonly seed: number;
  readonly report: string;
  readonly keep?: string;
}

/** A run with faults: of everything, or of devices alone. */
interface Run {
  readonly name: string;
  readonly kinds: readonly FaultKind[];
  readonly description: string;
  /** Readings a second from ten devices together. */
  readonly rate: number;
  readonly bridges: number;
  /** In docs/reports/. */
  readonly report: string;
  /** Of the report. */
  readonly title: string;
  readonly listsEach: boolean;
}

const OF_EVERYTHING: Run = {
  name: "",
  kinds: FAULT_KINDS,
  description: "break everything, again and again, under load, and count every reading",
  rate: 500,
  bridges: 2,
  report: "faults.md",
  title: "Faults",
  listsEach: false,
};

const OF_DEVICES: Run = {
  name: " device",
  kinds: DEVICE_FAULT_KINDS,
  description: "break serial lines, disks and agents, again and again, and count every reading",
  rate: 50,
  bridges: 1,
  report: "device-faults.md",
  title: "Faults at devices",
  listsEach: true,
};

function parseOptions({ name, description, rate, bridges, report }: Run, argv: readonly string[]) {
  return new Command(`npm run faults --${name}`)
    .description(description)
    .option("--faults <n>", "how many faults", wholeNumber, 200)
    .option("--rate <n>", "readings a second from ten devices together", wholeNumber, rate)
    .option("--bridges <n>", "how many bridges", wholeNumber, bridges)
    .option("--seed <n>", "the same seed gives the same schedule", wholeNumber, 1)
    .option("--report <file>", "where the report goes", packageFile("docs", "reports", report))
    .option("--keep <dir>", "leave all data and logs in this new folder, also if all went well")
    .addHelpText(
      "after",
      "\nOther runs: npm run faults -- device, of serial lines, disks and agents; npm run faults -- consumer, of a consumer " +
        "that is stopped again and again; npm run faults -- replay, of a device that was offline for a month",
    )
    .allowExcessArguments(false)
    .exitOverride()
    .parse(argv, { from: "user" })
    .opts<Options>();
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("It must be a whole number from 1.");
  return value;
}

function isPerfect({ verdict, rejects, failure }: RunReport): boolean {
  const { lost, doubled, outOfOrder, missed } = verdict;
  return failure === null && [lost, doubled, outOfOrder, missed, rejects].every((n) => n === 0);
}

interface ConsumerOptions {
  readonly readings: number;
  readonly stops: number;
  readonly rate: number;
  readonly seed: number;
  readonly report: string;
  readonly keep?: string;
}

/** `npm run faults -- consumer`: prints what became of every reading, as JSON, and writes the report. */
async function mainConsumer(argv: readonly string[]): Promise<number> {
  const { keep, report, ...options }: ConsumerOptions = new Command("npm run faults -- consumer")
    .description("stop a consumer with --output again and again, half of the times by kill -9")
    .option("--readings <n>", "in all", wholeNumber, 20_000)
    .option("--stops <n>", "how often it is stopped", wholeNumber, 20)
    .option("--rate <n>", "readings a second, of four sensors together", wholeNumber, 80)
    .option("--seed <n>", "the same seed gives the same schedule", wholeNumber, 1)
    .option(
      "--report <file>",
      "where the report goes",
      packageFile("docs", "reports", "consumer.md"),
    )
    .option("--keep <dir>", "leave all data and logs in this new folder, also if all went well")
    .allowExcessArguments(false)
    .exitOverride()
    .parse(argv, { from: "user" })
    .opts();
  const signal = shutdownSignal();
  return inFolder(keep, async (dir) => {
    const beganAtMs = Date.now();
    const result = await stopConsumer({ ...options, dir, signal, say });
    await writeReport(report, await renderStopsReport({ options, result, beganAtMs }));
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return isExactlyOnce(result, options.readings) ? 0 : 1;
  });
}

function isExactlyOnce(result: StopsResult, wanted: number): boolean {
  const { readings, lost, duplicates, outOfOrder, rejects } = result;
  return readings === wanted && [lost, duplicates, outOfOrder, rejects].every((n) => n === 0);
}

interface MonthOptions {
  readonly readings: number;
  readonly rate: number;
  readonly report: string;
  readonly keep?: string;
}

/** `npm run faults -- replay`: prints what became of every reading, as JSON, and writes the report. */
async function mainReplay(argv: readonly string[]): Promise<number> {
  const { keep, report, ...options }: MonthOptions = new Command("npm run faults -- replay")
    .description("send what a device kept while it was offline, a reading a second for a month")
    .option("--readings <n>", "in its outbox", wholeNumber, A_MONTH_S)
    .option("--rate <n>", "replayPerSecond of agent.yaml", wholeNumber, 1_000_000)
    .option("--report <file>", "where the report goes", packageFile("docs", "reports", "replay.md"))
    .option("--keep <dir>", "leave all data and logs in this new folder, also if all went well")
    .addHelpText(
      "after",
      "\nA month takes some 3 GB of disk. Exit code 1 if anything was lost, doubled or out of order, or if the agent's memory grew.",
    )
    .allowExcessArguments(false)
    .exitOverride()
    .parse(argv, { from: "user" })
    .opts();
  const signal = shutdownSignal();
  return inFolder(keep, async (dir) => {
    const beganAtMs = Date.now();
    const result = await replayMonth({ ...options, dir, signal, say });
    await writeReport(report, await renderReplayReport({ result, rate: options.rate, beganAtMs }));
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return isPerfectReplay(result) ? 0 : 1;
  });
}

/** Works in the folder `keep`, or in one that is gone afterwards. */
async function inFolder(
  keep: string | undefined,
  work: (dir: string) => Promise<number>,
): Promise<number> {
  const dir = keep ? resolve(keep) : await mkdtemp(join(tmpdir(), "veilmq-faults-"));
  let code = 1;
  try {
    code = await work(dir);
    return code;
  } finally {
    // What went wrong can be read in the logs alone.
    if (code !== 0) say(`all data and logs are left in ${dir}`);
    else if (!keep) await rm(dir, { recursive: true, force: true });
  }
}

async function writeReport(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await replaceFile(path, text);
}

async function main(): Promise<number> {
  const [first, ...others] = process.argv.slice(2);
  if (first === "consumer") return mainConsumer(others);
  if (first === "replay") return mainReplay(others);
  return first === "device"
    ? mainFaults(OF_DEVICES, others)
    : mainFaults(OF_EVERYTHING, process.argv.slice(2));
}

async function mainFaults(run: Run, argv: readonly string[]): Promise<number> {
  const { keep, report: reportFile, ...options } = parseOptions(run, argv);
  const signal = shutdownSignal();
  return inFolder(keep, async (dir) => {
    const report = await runFaults({ ...options, kinds: run.kinds, dir, signal, say });
    const text = await renderReport(report, {
      ...run,
      command: `npm run faults${run.name && ` --${run.name}`}`,
    });
    await writeReport(reportFile, text);
    process.stdout.write(text);
    return isPerfect(report) ? 0 : 1;
  });
}

function say(line: string): void {
  process.stderr.write(`faults: ${new Date().toISOString().slice(11, 19)} ${line}\n`);
}

process.exitCode = await main().catch((error: unknown) => {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  say(`error: ${error instanceof Error ? error.message : String(error)}`);
  return 1;
});

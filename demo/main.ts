/** `npm run demo`: a reading's whole way on this machine, and what each party on it sees. */
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { CommanderError } from "commander";
import { isVeilError, VeilError } from "../core/errors.ts";
import { shutdownSignal } from "../core/runtime/lifecycle.ts";
import { parseOptions } from "./options.ts";
import { parsePaperOptions } from "./paper/options.ts";
import { runPaper } from "./paper/run.ts";
import { runDemo } from "./run.ts";

const OK = 0;
const FAILED = 1;
const USAGE = 2;
const INTERRUPTED = 130;

/** What every demo is given. */
interface Stage<Options> {
  readonly options: Options;
  readonly dir: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

async function main(): Promise<number> {
  const [first, ...rest] = process.argv.slice(2);
  if (first === "paper") return perform(parsePaperOptions(rest), runPaper);
  return perform(parseOptions(process.argv.slice(2)), runDemo);
}

async function perform<Options extends { keep: string | null; json: boolean }>(
  options: Options,
  run: (stage: Stage<Options>) => Promise<{ result: object; ok: boolean }>,
): Promise<number> {
  const signal = shutdownSignal();
  const dir = options.keep === null ? await temporaryFolder() : await emptyFolder(options.keep);
  try {
    const { result, ok } = await run({ options, dir, signal, say });
    if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
    return ok ? OK : FAILED;
  } finally {
    if (options.keep === null) await rm(dir, { recursive: true, force: true });
    else say(`everything is in ${dir}`);
  }
}

async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "veilmq-demo-"));
}

async function emptyFolder(path: string): Promise<string> {
  const folder = resolve(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if ((await readdir(folder)).length > 0)
    throw new VeilError("CONFIG", `${folder} is not empty`, { hint: "name a new folder" });
  return folder;
}

function say(line: string): void {
  process.stderr.write(`demo: ${line}\n`);
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? OK : USAGE;
  if (isVeilError(error, "STOPPED")) return INTERRUPTED;
  say(`error: ${error instanceof Error ? error.message : String(error)}`);
  if (isVeilError(error) && error.hint) say(`hint: ${error.hint}`);
  return FAILED;
}

process.exitCode = await main().catch(report);

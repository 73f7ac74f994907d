/** `npm run fuzz`: a million inputs through every decoder, and a report in docs/reports/fuzz.md. */
import { randomInt } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { fuzz, type Outcome, replay } from "./driver.ts";
import { reportOf } from "./report.ts";
import { inputsOf, type Target } from "./target.ts";
import { TARGETS } from "./targets.ts";

const DEFAULT_INPUTS = 1_000_000;
const REPORT = "docs/reports/fuzz.md";

interface Options {
  readonly inputs: number;
  readonly seed: string;
  /** Those that were asked for by name; empty for all, which then share the inputs. */
  readonly named: readonly Target[];
  /** What their names begin with. */
  readonly beginning: string;
  readonly hex: string | undefined;
}

const HELP = `
Targets: ${TARGETS.map(({ name }) => name).join(" ")}

Examples:
  npm run fuzz -- --inputs 10000000                   more of them
  npm run fuzz -- --target announcement --seed 123    one decoder, as it was with that seed
  npm run fuzz -- --target framing-                   a million for each whose name begins so: docs/reports/fuzz-framing.md
  npm run fuzz -- --target announcement --hex 0102    one input, as it was printed with a failure`;

process.exitCode = await main();

async function main(): Promise<number> {
  try {
    return await run(readOptions());
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : 2;
  }
}

function readOptions(): Options {
  const command = new Command("npm run fuzz --")
    .description("inputs by the million through everything that decodes what others send")
    .option("--inputs <n>", "how many, of all targets together", wholeNumber, DEFAULT_INPUTS)
    .option("--seed <seed>", "the same seed gives the same inputs (default: another each time)")
    .option("--target <name>", "one, or those whose names begin so: each gets all the inputs")
    .option("--hex <bytes>", "this one input, of one target")
    .addHelpText("after", HELP)
    .allowExcessArguments(false)
    .exitOverride()
    .parse();
  const { inputs, seed, target, hex } = command.opts<{
    inputs: number;
    seed?: string;
    target?: string;
    hex?: string;
  }>();
  const named = namedBy(target);
  if (target !== undefined && named.length === 0) command.error(`error: no target ${target}`);
  if (hex !== undefined && named.length !== 1) command.error("error: --hex is of one --target");
  return { inputs, named, beginning: target ?? "", hex, seed: seed ?? String(randomInt(2 ** 32)) };
}

function wholeNumber(text: string): number {
  if (!/^[1-9][0-9]{0,11}$/.test(text)) throw new InvalidArgumentError("It is a whole number.");
  return Number(text);
}

/** The target of that name, or all whose names begin with it. */
function namedBy(text: string | undefined): readonly Target[] {
  if (text === undefined) return [];
  const exact = TARGETS.filter(({ name }) => name === text);
  return exact.length > 0 ? exact : TARGETS.filter(({ name }) => name.startsWith(text));
}

/** The exit code. */
async function run({ inputs, seed, named, beginning, hex }: Options): Promise<number> {
  const [target] = named;
  if (target && hex !== undefined) {
    const outcome = await replay(target, Buffer.from(hex, "hex"));
    show(outcome);
    return outcome.failure ? 1 : 0;
  }
  const planned = target ? new Map(named.map((each) => [each, inputs])) : inputsOf(TARGETS, inputs);
  const outcomes: Outcome[] = [];
  console.error(`seed ${seed}`);
  for (const [each, count] of planned) {
    const outcome = await fuzz(each, { seed, inputs: count });
    show(outcome);
    outcomes.push(outcome);
  }
  const text = await reportOf(outcomes, seed, new Date());
  if (!target) await writeReport(REPORT, text);
  else if (named.length > 1) await writeReport(partReport(beginning), text);
  return outcomes.some(({ failure }) => failure) ? 1 : 0;
}

function show({ target, seed, inputs, seconds, slowestMs, grownBytes, failure }: Outcome): void {
  const kept = `${(grownBytes / 1024).toFixed(0)} KiB more held`;
  const work = `${inputs} inputs, ${seconds.toFixed(1)} s, slowest ${slowestMs.toFixed(1)} ms, ${kept}`;
  console.error(`${failure ? failure.kind.toUpperCase() : "ok"} ${target}: ${work}`);
  if (!failure) return;
  console.error(`  ${failure.detail.replaceAll("\n", "\n  ")}`);
  console.error(`  again: npm run fuzz -- --target ${target} --seed ${seed}`);
  if (failure.input)
    console.error(
      `  or:    npm run fuzz -- --target ${target} --hex ${failure.input.toString("hex")}`,
    );
}

/** Of all decoders whose names begin with `beginning`. */
function partReport(beginning: string): string {
  return REPORT.replace(/\.md$/, `-${beginning.replace(/-$/, "")}.md`);
}

async function writeReport(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  console.error(`written: ${path}`);
}

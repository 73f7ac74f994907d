/**
 * `npm run fuzz`: a million inputs through every decoder, and a report in docs/reports/fuzz.md.
 *
 *   npm run fuzz -- --inputs 10000000                   more of them
 *   npm run fuzz -- --target announcement --seed 123    one decoder, as it was with that seed
 *   npm run fuzz -- --target framing-                   a million for each whose name begins so: docs/reports/fuzz-framing.md
 *   npm run fuzz -- --target announcement --hex 0102…   one input, as it was printed with a failure
 */
import { randomInt } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
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

const options = readOptions();
if (options) process.exitCode = await run(options);

function readOptions(): Options | null {
  const { values } = parseArgs({
    options: {
      inputs: { type: "string" },
      seed: { type: "string" },
      target: { type: "string" },
      hex: { type: "string" },
    },
  });
  const inputs = Number(values.inputs ?? DEFAULT_INPUTS);
  const named = namedBy(values.target);
  const isKnown = named.length > 0 || values.target === undefined;
  const isOne = named.length === 1 || values.hex === undefined;
  if (isKnown && Number.isSafeInteger(inputs) && inputs > 0 && isOne)
    return {
      inputs,
      named,
      beginning: values.target ?? "",
      hex: values.hex,
      seed: values.seed ?? String(randomInt(2 ** 32)),
    };
  console.error("npm run fuzz -- [--inputs N] [--seed S] [--target NAME|BEGINNING [--hex BYTES]]");
  console.error(`targets: ${TARGETS.map(({ name }) => name).join(" ")}`);
  process.exitCode = 2;
  return null;
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

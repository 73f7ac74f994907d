/** `npm run bench -- <name>`: measures, and writes the page and its plots to docs/benchmarks/. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Argument, Command, CommanderError } from "commander";
import { replaceFile } from "../../core/runtime/files.ts";
import { shutdownSignal } from "../../core/runtime/lifecycle.ts";
import { packageFile } from "../../core/runtime/package.ts";
import { BENCHMARKS } from "./benchmarks.ts";
import type { Findings } from "./framework/findings.ts";
import { renderMarkdown } from "./framework/markdown.ts";
import { type Measurement, measure } from "./framework/measure.ts";

interface Options {
  readonly quick?: boolean;
  readonly json?: boolean;
  readonly out: string;
}

const HELP = `
The page goes to stdout and, unless --quick, with its plots to docs/benchmarks/. Give it a machine with nothing else to do:
the page says what the load average was.

Benchmarks:
${BENCHMARKS.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}`).join("\n")}

Examples:
  npm run bench -- scheme
  npm run -s bench -- scheme --quick --json | jq '.findings.sections[].heading'`;

async function main(): Promise<number> {
  const command = new Command("npm run bench --")
    .description("measure how fast something is")
    .addArgument(new Argument("<name>", "what").choices(BENCHMARKS.map(({ name }) => name)))
    .option("--quick", "only whether it works: seconds, and no page is written")
    .option("--json", "the figures as JSON on stdout, instead of the page")
    .option("--out <dir>", "where the page goes", packageFile("docs", "benchmarks"))
    .addHelpText("after", HELP)
    .allowExcessArguments(false)
    .exitOverride()
    .parse();
  const benchmark = BENCHMARKS.find(({ name }) => name === command.args[0]);
  if (!benchmark) return 2;
  const { quick = false, json = false, out } = command.opts<Options>();
  const measurement = await measure(benchmark, { quick, signal: shutdownSignal(), say });
  if (!quick) await writePage(out, measurement);
  process.stdout.write(json ? renderJson(measurement) : renderMarkdown(measurement));
  return 0;
}

async function writePage(dir: string, measurement: Measurement): Promise<void> {
  const { name, findings } = measurement;
  await mkdir(dir, { recursive: true });
  for (const { plot } of findings.sections)
    if (plot) await replaceFile(join(dir, `${name}-${plot.name}.svg`), plot.svg);
  await replaceFile(join(dir, `${name}.md`), renderMarkdown(measurement));
  say(`written: ${join(dir, `${name}.md`)}`);
}

function renderJson(measurement: Measurement): string {
  const findings: Findings = {
    ...measurement.findings,
    sections: measurement.findings.sections.map(({ plot: _, ...section }) => section),
  };
  return `${JSON.stringify({ ...measurement, findings }, null, 2)}\n`;
}

function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}

process.exitCode = await main().catch((error: unknown) => {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  say(`error: ${error instanceof Error ? error.message : String(error)}`);
  return 1;
});

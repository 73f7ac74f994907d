/** `docs/reports/fuzz.md`: what a whole run gave, and on what. */
import { describeCommit, describeMachine } from "../support/machine.ts";
import type { Outcome } from "./driver.ts";

const KIB = 2 ** 10;

/** The report as Markdown. */
export async function reportOf(
  outcomes: readonly Outcome[],
  seed: string,
  date: Date,
): Promise<string> {
  const sum = (of: (outcome: Outcome) => number): number =>
    outcomes.reduce((total, outcome) => total + of(outcome), 0);
  const failures = outcomes.filter(({ failure }) => failure !== undefined);
  return `# Fuzzing

Mutations of valid samples, and noise, through everything that decodes what others send or what lies on a disk. Each
decoder returns or throws a VeilError; an input that takes more than 100 ms of the processor, alone and each of three times,
counts as a hang; what is held after a full collection may grow by 2 MiB between the first quarter of the inputs and the last.

\`npm run fuzz\` writes this page. ${date.toISOString().slice(0, 10)}, commit ${await describeCommit()}, seed \`${seed}\`.
${await describeMachine()}.

**${number(sum(({ inputs }) => inputs))} inputs in ${sum(({ seconds }) => seconds).toFixed(0)} s: ${failures.length} failures.**

| decoder | inputs | taken | seconds | inputs/s | crashes | hangs | slowest input, ms | held more, KiB |
|---|--:|--:|--:|--:|--:|--:|--:|--:|
${outcomes.map(rowOf).join("\n")}

*Taken* are the inputs that were not refused: how deep the mutations get. Memory in use by the whole process at the end:
${number(process.memoryUsage().rss / 2 ** 20)} MiB.
`;
}

function rowOf(outcome: Outcome): string {
  const { target, inputs, taken, seconds, slowestMs, grownBytes, failure } = outcome;
  const cells = [
    target,
    number(inputs),
    `${((100 * taken) / inputs).toFixed(0)} %`,
    seconds.toFixed(1),
    number(inputs / seconds),
    failure?.kind === "crash" ? 1 : 0,
    failure?.kind === "hang" ? 1 : 0,
    slowestMs > 0 ? slowestMs.toFixed(1) : "< 1",
    number(grownBytes / KIB),
  ];
  return `| ${cells.join(" | ")} |`;
}

function number(value: number): string {
  return Math.round(value).toLocaleString("en");
}

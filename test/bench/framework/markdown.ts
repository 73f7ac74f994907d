/** `docs/benchmarks/<name>.md`: the findings, and on what machine and commit they were found. */
import { figure } from "./figures.ts";
import type { Section, Table } from "./findings.ts";
import type { Measurement } from "./measure.ts";

/** The page. Its plots lie beside it: `<name>-<plot>.svg`. */
export function renderMarkdown(measurement: Measurement): string {
  const { name, quick, beganAt, tookS, machine, commit, findings } = measurement;
  const [before, after] = measurement.loadAverages;
  const warning = quick
    ? "\n**A quick run: it shows that the benchmark works, and nothing else.**\n"
    : "";
  return `# Benchmark: ${name}

${findings.summary}

Written by \`npm run bench -- ${name}\` on ${beganAt.slice(0, 10)} at commit ${commit}, in ${figure(tookS)} s.
${machine}. Load average ${before} before and ${after} after it: what else ran on the machine is in that.
${warning}
${findings.sections.map((section) => renderSection(section, name)).join("\n")}`;
}

function renderSection({ heading, text, table, plot, note }: Section, name: string): string {
  const parts = [
    `## ${heading}`,
    ...(text === undefined ? [] : [text]),
    ...(plot ? [`![${plot.alt}](${name}-${plot.name}.svg)`] : []),
    ...(table ? [renderTable(table)] : []),
    ...(note === undefined ? [] : [note]),
  ];
  return `${parts.join("\n\n")}\n`;
}

function renderTable({ columns, rows }: Table): string {
  const isNumeric = columns.map((_, at) => rows.every((row) => typeof row[at] !== "string"));
  const lines = [
    columns,
    isNumeric.map((numeric) => (numeric ? "--:" : "---")),
    ...rows.map(cellsOf),
  ];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function cellsOf(row: Table["rows"][number]): string[] {
  return row.map((cell) => {
    if (cell === null) return "–";
    return typeof cell === "number" ? figure(cell) : cell;
  });
}

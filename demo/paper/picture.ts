/** How the replay looks on a terminal. The programs' own lines are in lines.ts. */

const SPEAKER_WIDTH = 14;
const RULE_WIDTH = 100;
const SHOWN_DIGITS = 8;
const COLUMNS = ["figure", "report", "run", "held"] as const;

/** One figure: what the report shows, what this run showed, and whether it held. */
export interface Row {
  readonly figure: string;
  readonly report: string;
  readonly run: string;
  readonly held: boolean;
}

export function heading(figure: string, caption: string): string {
  const what = /^\d/.test(figure) ? `Figure ${figure}` : figure;
  return `\n${`── ${what}: ${caption} `.padEnd(RULE_WIDTH, "─")}\n`;
}

/** One line of one of several programs. */
export function spoken(speaker: string, line: string): string {
  return `${speaker.padEnd(SPEAKER_WIDTH)}${line}\n`;
}

/** Both ends of a long name. */
export function ellipsis(name: string): string {
  return `${name.slice(0, SHOWN_DIGITS)}…${name.slice(-SHOWN_DIGITS)}`;
}

/** The report's figures and this run's, side by side. */
export function table(rows: readonly Row[]): string {
  const title = { figure: "figure", report: "the report", run: "this run", held: "held" };
  const lines = [title, ...rows.map((row) => ({ ...row, held: row.held ? "yes" : "NO" }))];
  const widths = COLUMNS.map((column) => Math.max(...lines.map((line) => line[column].length)));
  const text = lines.map((line) =>
    COLUMNS.map((column, index) => line[column].padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const rule = widths.map((width) => "─".repeat(width)).join("  ");
  return `\n${[text[0], rule, ...text.slice(1)].join("\n")}\n\n`;
}

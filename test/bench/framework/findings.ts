/** What a benchmark found: the one source of its Markdown page, its plots and its `--json`. */

export interface Findings {
  /** A sentence or two: what was measured, and how. */
  readonly summary: string;
  readonly sections: readonly Section[];
}

export interface Section {
  readonly heading: string;
  /** Markdown. */
  readonly text?: string;
  readonly table?: Table;
  readonly plot?: Plot;
  /** Below the table. */
  readonly note?: string;
}

export interface Table {
  /** With their units: `PUBACK p99, ms`. */
  readonly columns: readonly string[];
  /** `null`: not measured. */
  readonly rows: readonly (readonly (string | number | null)[])[];
}

export interface Plot {
  /** Of the file, without `.svg`; the benchmark's name goes before it. */
  readonly name: string;
  /** What it shows, for those who do not see it. */
  readonly alt: string;
  readonly svg: string;
}

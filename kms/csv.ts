/** Comma-separated values after RFC 4180: fields may be quoted, and then hold commas, quotes ("") and line breaks. */

export interface CsvRow {
  /** Where it begins, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

/** The rows, and the line where a quote opens that never closes: what follows it is not read. */
export interface CsvTable {
  readonly rows: readonly CsvRow[];
  readonly openQuoteAt: number | null;
}

const BYTE_ORDER_MARK = "\ufeff";
/** One field and what ends it, with what surrounds a quoted one kept out. */
const FIELD = /(?:"((?:[^"]|"")*)"|([^",\r\n][^,\r\n]*)?)(,|\r?\n|$)/y;

/** Empty lines are left out. A quote in the middle of a field that does not begin with one is just a quote. */
export function parseCsv(text: string): CsvTable {
  const rows: CsvRow[] = [];
  let at = text.startsWith(BYTE_ORDER_MARK) ? 1 : 0;
  let line = 1;
  let row: { line: number; fields: string[] } = { line, fields: [] };
  while (at < text.length || row.fields.length > 0) {
    FIELD.lastIndex = at;
    const match = FIELD.exec(text);
    if (!match) return { rows, openQuoteAt: line };
    const [whole, quoted, plain = "", end] = match;
    row.fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    line += whole.split("\n").length - 1;
    at += whole.length;
    if (end === ",") continue;
    if (row.fields.some((field) => field !== "")) rows.push(row);
    row = { line, fields: [] };
  }
  return { rows, openQuoteAt: null };
}

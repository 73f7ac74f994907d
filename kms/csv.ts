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
const QUOTE = '"';
/** What ends a field without quotes. */
const FIELD_END = /,|\r?\n|$/g;

interface Field {
  readonly value: string;
  /** Where the field ends: at a comma, a line break or the end of the text. */
  readonly end: number;
}

/** Empty lines are left out. A quote in the middle of a field that does not begin with one is just a quote. */
export function parseCsv(text: string): CsvTable {
  const rows: CsvRow[] = [];
  let at = text.startsWith(BYTE_ORDER_MARK) ? 1 : 0;
  let line = 1;
  while (at < text.length) {
    const fields: string[] = [];
    const startLine = line;
    for (;;) {
      const field = text[at] === QUOTE ? quotedField(text, at) : plainField(text, at);
      if (!field) return { rows, openQuoteAt: line };
      fields.push(field.value);
      line += field.value.split("\n").length - 1;
      at = field.end + 1;
      if (text[field.end] === ",") continue;
      if (text[field.end] === "\r") at++;
      break;
    }
    line++;
    if (fields.some((field) => field !== "")) rows.push({ line: startLine, fields });
  }
  return { rows, openQuoteAt: null };
}

function plainField(text: string, start: number): Field {
  FIELD_END.lastIndex = start;
  const end = FIELD_END.exec(text)?.index ?? text.length;
  return { value: text.slice(start, end), end };
}

/** `null` where the quote does not close, or something follows it that is no end of a field. */
function quotedField(text: string, start: number): Field | null {
  let from = start + 1;
  for (;;) {
    const close = text.indexOf(QUOTE, from);
    if (close < 0) return null;
    if (text[close + 1] === QUOTE) {
      from = close + 2;
      continue;
    }
    const end = close + 1;
    const value = text.slice(start + 1, close).replaceAll('""', QUOTE);
    return /^(?:,|\r?\n|$)/.test(text.slice(end, end + 2)) ? { value, end } : null;
  }
}

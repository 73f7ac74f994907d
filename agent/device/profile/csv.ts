/** A line of values with separators between them (RFC 4180 within one line: quotes around a column, doubled inside). */
import { z } from "zod";
import type { SenmlRecord } from "../../../core/wire/senml.ts";
import type { Decoder } from "./decoder.ts";
import { fieldBasics, parseNumber, recordOf, scaled, scaling, textOf } from "./field.ts";

const MAX_COLUMNS = 256;
const MAX_TEXT = 1024;
/** So many lines tell how many columns a line has, where the profile does not. */
const REMEMBERED_LINES = 16;
/** Of them so many have the usual number: two at least, and this share. */
const USUAL_LINES = 2;
const USUAL_SHARE = 0.25;
/** What begins as a number does, and is none: broken, unless it is a date or a time of day. */
const BROKEN_NUMBER = /^\s*[+-]?\.?\d/;
const DATE = "\\d{4}-\\d\\d-\\d\\d|\\d{1,4}/\\d{1,2}/\\d{1,4}";
const TIME = "\\d{1,2}:\\d\\d(?::\\d\\d(?:\\.\\d+)?)?(?:Z|[+-]\\d\\d:?\\d\\d)?";
const DATE_OR_TIME = new RegExp(`^\\s*(?:(?:${DATE})(?:[ T]${TIME})?|${TIME})\\s*$`);

const columnField = z.int().min(1).max(MAX_COLUMNS);

const fieldSchema = z.strictObject({
  column: columnField.meta({ description: "Counted from 1" }),
  text: z.boolean().default(false).meta({ description: "A text rather than a number" }),
  ...fieldBasics,
  ...scaling,
});

export const csvDecoding = z
  .strictObject({
    type: z.literal("csv"),
    separator: z
      .string()
      .regex(/^[^"\w.+-]$/, "must be one character that no number holds")
      .default(",")
      .meta({ description: 'Such as "," ";" "\\t" or " " (several spaces are one)' }),
    columns: columnField.optional().meta({
      description: "How many a line has; one with more or fewer is cut or merged, and refused",
    }),
    fields: z.union([z.literal("all"), z.array(fieldSchema).min(1)]).meta({
      description:
        "`all`: every column, as c1, c2, …; a line without any number, with a broken one, or with another number of columns than is usual on the line is no reading",
    }),
  })
  .superRefine(({ columns, fields }, context) => {
    if (columns === undefined || fields === "all") return;
    for (const [i, { column }] of fields.entries())
      if (column > columns)
        context.addIssue({
          code: "custom",
          path: ["fields", i, "column"],
          message: `is behind the last of ${columns}`,
        });
  })
  .meta({ description: "Columns of a line" });
export type CsvDecoding = z.output<typeof csvDecoding>;
type Field = z.output<typeof fieldSchema>;

/** Where a listed column is missing, or no number, the line is no reading: something is cut. For `all` it remembers lines. */
export function csvDecoder({ separator, columns, fields }: CsvDecoding): Decoder {
  const usual = new UsualCount();
  return (frame) => {
    const text = textOf(frame);
    const cells = text === null ? null : split(text, separator);
    if (cells === null || (columns !== undefined && cells.length !== columns)) return null;
    if (fields === "all") {
      const records = allColumns(cells);
      return records && (columns !== undefined || usual.take(cells.length)) ? records : null;
    }
    const records: SenmlRecord[] = [];
    for (const field of fields) {
      const record = listedColumn(field, cells[field.column - 1]);
      if (record === null) return null;
      records.push(record);
    }
    return records;
  };
}

/** Lines that were cut have fewer columns than those before them. Most that were merged have a broken number, too. */
class UsualCount {
  readonly #counts: number[] = [];

  /** Whether a line of so many columns is as usual: as the longest of which there were some. */
  take(count: number): boolean {
    this.#counts.push(count);
    if (this.#counts.length > REMEMBERED_LINES) this.#counts.shift();
    const least = Math.max(USUAL_LINES, this.#counts.length * USUAL_SHARE);
    const some = this.#counts.filter(
      (one) => this.#counts.filter((other) => other === one).length >= least,
    );
    return count === Math.max(...(some.length > 0 ? some : this.#counts));
  }
}

function allColumns(cells: readonly string[]): SenmlRecord[] | null {
  if (cells.length > MAX_COLUMNS) return null;
  const records: SenmlRecord[] = [];
  for (const [i, cell] of cells.entries()) {
    const number = parseNumber(cell);
    if (number === null && BROKEN_NUMBER.test(cell) && !DATE_OR_TIME.test(cell)) return null;
    const value = number ?? cell.trim();
    const record = value === "" ? null : recordOf({ name: `c${i + 1}` }, value);
    if (record) records.push(record);
  }
  return records.some(({ v }) => v !== undefined) ? records : null;
}

function listedColumn(field: Field, cell: string | undefined): SenmlRecord | null {
  if (cell === undefined) return null;
  if (field.text) return recordOf(field, cell.trim().slice(0, MAX_TEXT));
  const number = parseNumber(cell);
  return number === null ? null : recordOf(field, scaled(number, field));
}

/** The columns of a line; null where quotes do not close, or close in the middle of a column. */
function split(line: string, separator: string): string[] | null {
  if (separator === " ") return line.trim().split(/ +/);
  if (!line.includes('"')) return line.split(separator);
  const cells: string[] = [];
  for (let from = 0; ; ) {
    const quoted = line[from] === '"';
    const end = quoted ? closingQuote(line, from) : line.indexOf(separator, from);
    if (quoted && end < 0) return null;
    const cell = line.slice(quoted ? from + 1 : from, end < 0 ? undefined : end);
    cells.push(quoted ? cell.replaceAll('""', '"') : cell);
    const next = quoted ? end + 1 : end;
    if (next < 0 || next >= line.length) return cells;
    if (line[next] !== separator) return null;
    from = next + 1;
  }
}

/** Where the quotes that open at `from` close; -1 if they do not. */
function closingQuote(line: string, from: number): number {
  for (let at = from + 1; at < line.length; at++) {
    if (line[at] !== '"') continue;
    if (line[at + 1] !== '"') return at;
    at++;
  }
  return -1;
}

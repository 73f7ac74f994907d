/** How readings are written out: NDJSON, CSV, SenML (RFC 8428) or for people. */
import { isUnsynced } from "../../core/wire/clock.ts";
import { isSenmlName } from "../../core/wire/senml.ts";
import type { FormatName } from "./format-names.ts";
import { type Measurement, measurementsOf } from "./measurements.ts";
import { encodeReading, type Reading } from "./reading.ts";

const NUMBER = /^[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?$/i;

export interface Format {
  /** Before the first reading of an empty output; may be empty. */
  readonly header: string;
  /** Whole lines. */
  readonly encode: (reading: Reading) => string;
}

export const FORMATS: Readonly<Record<FormatName, Format>> = {
  ndjson: { header: "", encode: encodeReading },
  csv: { header: "time,topic,producer,name,value,unit,id,unsynced\r\n", encode: encodeCsv },
  senml: { header: "", encode: encodeSenml },
  pretty: { header: "", encode: encodePretty },
};

/** RFC 4180, one line a value. */
function encodeCsv(reading: Reading): string {
  return measurementsOf(reading)
    .map(({ name, value, unit, timeMs }) =>
      [
        isoTime(timeMs),
        inert(reading.topic),
        reading.producer,
        inert(name),
        typeof value === "string" ? inert(value) : String(value),
        inert(unit ?? ""),
        reading.id,
        isUnsynced(reading.pack) ? "true" : "",
      ]
        .map(quoteCsv)
        .join(","),
    )
    .map((line) => `${line}\r\n`)
    .join("");
}

/** A spreadsheet runs text that begins like a formula, unless a quote stands before it; numbers are no formulas. */
function inert(text: string): string {
  return /^[=+\-@\t\r]/.test(text) && !NUMBER.test(text) ? `'${text}` : text;
}

function quoteCsv(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One pack a line, with the topic as its base name where the topic may be one and the device gave none. */
function encodeSenml({ topic, pack }: Reading): string {
  const [first, ...rest] = pack;
  const base = `${topic}/`;
  const fits = pack.every(({ n, bn }) => bn === undefined && isSenmlName(`${base}${n ?? ""}`));
  const named = first && fits ? [{ bn: base, ...first }, ...rest] : pack;
  return `${JSON.stringify(named)}\n`;
}

function encodePretty(reading: Reading): string {
  const values = measurementsOf(reading).map(prettyValue).join("  ");
  const time = isoTime(reading.timeMs).replace("T", " ");
  const clock = isUnsynced(reading.pack) ? " (clock not set)" : "";
  return `${time}${clock}  ${plain(reading.topic)}  ${reading.producer}  ${plain(values)}\n`;
}

function prettyValue({ name, value, unit }: Measurement): string {
  return `${name || "value"}=${value}${unit === null ? "" : ` ${unit}`}`;
}

/** What a terminal would obey is shown as a blank. */
function plain(text: string): string {
  return text.replace(/\p{C}/gu, " ");
}

/** A device's clock may say what no calendar has. */
function isoTime(timeMs: number): string {
  const date = new Date(timeMs);
  return Number.isNaN(date.getTime()) ? String(timeMs) : date.toISOString();
}

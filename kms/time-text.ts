/** Times as people write them, on the command line and in lists of clients, and as documents can hold them. */
import { VeilError } from "../core/errors.ts";

/** The end of a grant that has none: the last millisecond of the year 9999. */
export const FOREVER_MS = Date.UTC(10_000, 0) - 1;

/** ISO 8601: a date, or a date and a time, with the offset from UTC or in local time. */
const TIME = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/** Milliseconds since 1970; a date alone is its first moment in UTC. `null` for what is none, such as a 30 February. */
export function parseTime(text: string): number | null {
  const date = TIME.exec(text)?.[1];
  if (date === undefined) return null;
  const day = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(day) || !new Date(day).toISOString().startsWith(date)) return null;
  const timeMs = Date.parse(text);
  return Number.isNaN(timeMs) || timeMs < 0 ? null : timeMs;
}

/** As {@link parseTime}, and `never`, which is what a grant without an end has. */
export function parseEnd(text: string): number | null {
  return text === "never" ? FOREVER_MS : parseTime(text);
}

/** Throws BAD_ARGUMENT for what no document can hold: whole milliseconds, from 0 to {@link FOREVER_MS}. */
export function checkTime(timeMs: number, what: string): void {
  if (!Number.isInteger(timeMs) || timeMs < 0 || timeMs > FOREVER_MS)
    throw new VeilError(
      "BAD_ARGUMENT",
      `${what} must be whole milliseconds, not below 0 and not beyond the year 9999`,
    );
}

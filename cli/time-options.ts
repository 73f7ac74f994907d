/** Times and durations on the command line. */
import { InvalidArgumentError } from "commander";
import type { From } from "../agent/consumer/range.ts";
import { parseTime } from "../kms/time-text.ts";

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DURATION = /^([1-9][0-9]{0,8})([smhd])$/;
const EXAMPLES = "2027-12-31, 2027-12-31T08:00 or a duration such as 90s, 15m, 6h, 2d";

/** `90s`, `15m`, `6h`, `2d` in milliseconds. Throws InvalidArgumentError. */
export function parseDuration(text: string): number {
  const ms = durationOf(text);
  if (ms === null) throw new InvalidArgumentError("It is a duration, such as 90s, 15m, 6h or 2d.");
  return ms;
}

/** `--from`: a duration is that long ago. Throws InvalidArgumentError. */
export function parseFrom(text: string): From {
  if (text === "checkpoint" || text === "beginning" || text === "latest") return text;
  const ago = durationOf(text);
  const sinceMs = ago === null ? parseTime(text) : Date.now() - ago;
  if (sinceMs === null)
    throw new InvalidArgumentError(`It is checkpoint, beginning, latest, ${EXAMPLES} (ago).`);
  return { sinceMs };
}

/** `--until`, in milliseconds since 1970: a duration is that long from now. Throws InvalidArgumentError. */
export function parseUntil(text: string): number {
  if (text === "now") return Date.now();
  const ahead = durationOf(text);
  const atMs = ahead === null ? parseTime(text) : Date.now() + ahead;
  if (atMs === null) throw new InvalidArgumentError(`It is now, ${EXAMPLES} (from now).`);
  return atMs;
}

function durationOf(text: string): number | null {
  const [, count, unit = ""] = DURATION.exec(text) ?? [];
  if (count === undefined) return null;
  return Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

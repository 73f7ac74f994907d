/** What a device says, at a length that can be shown. */
import type { Measurement } from "../consumer/measurements.ts";
import { MAX_TEXT } from "./wire.ts";

const MAX_NAME = 120;

/** JSON has no number that is none. */
export function presentable(value: Measurement["value"]): Measurement["value"] {
  if (typeof value === "string") return cut(value, MAX_TEXT);
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

/** The name of a value, or of a unit. */
export function presentableName(name: string): string {
  return cut(name, MAX_NAME);
}

function cut(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max)}… (${text.length} characters)` : text;
}

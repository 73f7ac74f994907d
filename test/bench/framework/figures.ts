/** Numbers as people read them. */
import { median, spread } from "./statistics.ts";

const DIGITS = 3;

/** Three significant digits, thousands separated: 12.3, 6,540, 0.00123. Whole numbers above a thousand stay whole. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  return value.toLocaleString("en", { maximumSignificantDigits: DIGITS });
}

/** A part as per cent: 0.034 → "3.4 %". */
export function percent(part: number): string {
  return `${figure(100 * part)} %`;
}

/** How much figures, each of several rounds, moved between them. */
export function movementOf(figures: readonly (readonly number[])[]): string {
  const spreads = figures.map(spread);
  const [usual, worst] = [median(spreads), Math.max(...spreads)].map(percent);
  return `Half of the rounds lie within ± ${usual} of their median; in the worst row within ± ${worst}.`;
}

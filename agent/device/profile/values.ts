/** What a profile says of values by their name: which are plausible, and which are worth sending. */
import { z } from "zod";
import { type SenmlRecord, senmlNameField } from "../../../core/wire/senml.ts";

const valueRules = z.strictObject({
  range: z
    .tuple([z.number(), z.number()])
    .refine(([min, max]) => min <= max, "must be the least and the greatest")
    .optional()
    .meta({
      description:
        "The least and the greatest that the device can mean; a frame with a value outside is refused",
    }),
  deadBand: z.number().min(0).optional().meta({
    description: "A value nearer than this to the last that was sent is not sent; 0: an equal one",
  }),
  minIntervalMs: z
    .int()
    .min(0)
    .optional()
    .meta({ description: "A value that comes sooner after the last that was sent is not sent" }),
});

export const valuesField = z
  .record(senmlNameField, valueRules)
  .default({})
  .meta({ description: "By the value's name" });
export type ValueRules = z.output<typeof valuesField>;

/** Whether every number is in its range: where one is not, something is wrong with the frame as a whole. */
export function isPlausible(records: readonly SenmlRecord[], rules: ValueRules): boolean {
  return records.every(({ n, v }) => {
    const range = n === undefined ? undefined : rules[n]?.range;
    return !range || v === undefined || (v >= range[0] && v <= range[1]);
  });
}

export interface ReportRules {
  readonly values: ValueRules;
  /** For values that have none of their own. */
  readonly minIntervalMs: number;
  /** A value that its dead-band holds back is sent after this long all the same. */
  readonly maxIntervalMs: number;
}

/** Names of one port that a device of its own choosing may have: beyond them the longest unheard is forgotten. */
const MAX_NAMES = 1024;

interface Sent {
  readonly value: unknown;
  readonly atMs: number;
}

/** Of one port: leaves out what is not worth sending. */
export class ReportFilter {
  readonly #rules: ReportRules;
  readonly #sent = new Map<string, Sent>();

  constructor(rules: ReportRules) {
    this.#rules = rules;
  }

  /** The records to send now, `nowMs` by a clock that only goes forward; they count as sent. */
  take(records: readonly SenmlRecord[], nowMs: number): SenmlRecord[] {
    const { values, minIntervalMs, maxIntervalMs } = this.#rules;
    return records.filter((record) => {
      const name = record.n ?? "";
      const rule = values[name];
      const interval = rule?.minIntervalMs ?? minIntervalMs;
      if (interval === 0 && rule?.deadBand === undefined) return true;
      const last = this.#sent.get(name);
      const value = record.v ?? record.vs ?? record.vb;
      const sinceMs = last ? nowMs - last.atMs : Number.POSITIVE_INFINITY;
      if (sinceMs < interval) return false;
      if (last && sinceMs < maxIntervalMs && isNear(last.value, value, rule?.deadBand))
        return false;
      this.#remember(name, { value, atMs: nowMs });
      return true;
    });
  }

  /** A noisy line of `fields: all` makes up names without end. */
  #remember(name: string, sent: Sent): void {
    this.#sent.delete(name);
    this.#sent.set(name, sent);
    const [oldest] = this.#sent.keys();
    if (this.#sent.size > MAX_NAMES && oldest !== undefined) this.#sent.delete(oldest);
  }
}

function isNear(last: unknown, value: unknown, deadBand: number | undefined): boolean {
  if (deadBand === undefined) return false;
  if (typeof last !== "number" || typeof value !== "number" || deadBand === 0)
    return last === value;
  return Math.abs(value - last) < deadBand;
}

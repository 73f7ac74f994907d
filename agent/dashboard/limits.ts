/** Which values are out of range and how long silence may last: the owner of the page says so in a file, else the unit. */
import { z } from "zod";
import { loadConfig } from "../../core/runtime/config.ts";

export interface SeriesLimits {
  readonly low: number | null;
  readonly high: number | null;
  readonly staleMs: number;
}

const schema = z.strictObject({
  limits: z.array(
    z
      .strictObject({
        /** A topic; `*` stands for any part of it. */
        topic: z.string().default("*"),
        /** The name of a value; `*` stands for any. */
        name: z.string().default("*"),
        low: z.number().optional(),
        high: z.number().optional(),
        staleSeconds: z.number().positive().optional(),
      })
      .refine(({ low, high }) => low === undefined || high === undefined || low <= high, {
        message: "low is above high",
      }),
  ),
});
type Rule = z.output<typeof schema>["limits"][number];

/** What no such value can be, by the unit's name in the SenML registry. */
const POSSIBLE: Readonly<Record<string, readonly [low: number, high: number | null]>> = {
  "%RH": [0, 100],
  Cel: [-273.15, null],
  K: [0, null],
  "%EL": [0, 100],
  lat: [-90, 90],
  lon: [-180, 180],
  lx: [0, null],
};

export class Limits {
  readonly #rules: readonly {
    readonly rule: Rule;
    readonly topic: RegExp;
    readonly name: RegExp;
  }[];
  readonly #staleMs: number;

  /** The first rule that fits decides, each of its parts that it gives. */
  constructor(options: { readonly rules: readonly Rule[]; readonly staleMs: number }) {
    this.#staleMs = options.staleMs;
    this.#rules = options.rules.map((rule) => ({
      rule,
      topic: pattern(rule.topic),
      name: pattern(rule.name),
    }));
  }

  of(topic: string, name: string, unit: string | null): SeriesLimits {
    const found = this.#rules.find((each) => each.topic.test(topic) && each.name.test(name))?.rule;
    const [low = null, high = null] = POSSIBLE[unit ?? ""] ?? [];
    return {
      low: found?.low ?? low,
      high: found?.high ?? high,
      staleMs: found?.staleSeconds === undefined ? this.#staleMs : found.staleSeconds * 1000,
    };
  }
}

/** Reads the rules of a YAML file. Throws CONFIG with every problem in it. */
export async function loadRules(path: string): Promise<readonly Rule[]> {
  return (await loadConfig(path, schema)).limits;
}

function pattern(text: string): RegExp {
  const escaped = text.split("*").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${escaped.join(".*")}$`, "su");
}

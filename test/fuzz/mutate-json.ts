/** Mutations that leave JSON well-formed, and so get past the parser to what reads the fields. */
import type { Random } from "./random.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const LONG = "A".repeat(5000);
const KEYS = ["__proto__", "constructor", "toString", "length", "", "0", "\u0000"] as const;
const MAX_REPEATS = 30;
const MAX_DEPTH = 3000;

/** `sample` with one or two of its values changed; `null` where it is no JSON object or list. */
export function mutateJson(random: Random, sample: Buffer): Buffer | null {
  if (!couldBeJson(sample)) return null;
  let value: Json;
  try {
    value = JSON.parse(sample.toString("utf8"));
  } catch {
    return null;
  }
  for (let steps = 1 + random.below(2); steps > 0; steps--) value = change(value, random);
  return Buffer.from(JSON.stringify(value), "utf8");
}

/** Parsing every binary sample in vain would take longer than all the rest. */
function couldBeJson(sample: Buffer): boolean {
  return sample[0] === 0x7b || sample[0] === 0x5b;
}

/** Walks down to a random depth and changes what is there. */
function change(value: Json, random: Random): Json {
  const size = isParent(value) ? Object.keys(value).length : 0;
  if (size === 0 || random.oneIn(6)) return replacement(value, random);
  const chosen = random.below(size);
  const entries: [string, Json][] = Object.entries(value ?? {});
  const changed = entries.flatMap((entry, i) =>
    i === chosen ? changeEntry(entry, entries, random) : [entry],
  );
  return Array.isArray(value) ? changed.map(([, item]) => item) : Object.fromEntries(changed);
}

function changeEntry(
  [key, value]: [string, Json],
  siblings: readonly [string, Json][],
  random: Random,
): [string, Json][] {
  switch (random.below(10)) {
    case 0:
      return [];
    case 1:
      return [[random.pick(KEYS), value]];
    case 2:
      return [
        [key, value],
        [random.pick(KEYS), value],
      ];
    case 3:
      return [[key, siblings[random.below(siblings.length)]?.[1] ?? null]];
    case 4:
      return Array<[string, Json]>(1 + random.below(MAX_REPEATS)).fill([key, value]);
    default:
      return [[key, change(value, random)]];
  }
}

function replacement(value: Json, random: Random): Json {
  return random.pick<() => Json>([
    () => null,
    () => true,
    () => random.pick([0, -1, 1.5, 2 ** 31, 2 ** 32, 2 ** 53, 1e308, -1e308, 5e-324]),
    () => random.pick(["", "A", "AA", "=", "é", "e\u0301", "\u0000", "\ud800", "__proto__", LONG]),
    () => random.pick<Json>([[], {}, [[]], [null], { a: {} }]),
    () => JSON.stringify(value),
    () => random.bytes(random.below(64)).toString("base64url"),
    () => [value],
    () => ({ value }),
    () => nested(random.below(MAX_DEPTH)),
  ])();
}

function nested(depth: number): Json {
  let value: Json = [];
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

function isParent(value: Json): value is Json[] | { [key: string]: Json } {
  return typeof value === "object" && value !== null;
}

/** Every value of every published file, changed one at a time: none may pass. */
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { checkWireVectors } from "../../cli/wire-vectors.ts";
import { checkVectors, type VectorReport } from "../../core/scheme/vectors/check.ts";
import { isComment } from "../../core/scheme/vectors/names.ts";
import { type Json, published } from "../core/scheme/vectors/files.ts";

type Path = readonly (string | number)[];

interface Leaf {
  readonly path: Path;
  readonly value: string | number;
}

const FILES = readdirSync("test/vectors")
  .filter((name) => name.endsWith(".json"))
  .map((name) => name.replace(".json", ""));

/** All values but those that are there for people; a case's `name` is Kafka's, but for the RFCs' and the paper's. */
function leavesOf(value: unknown, shape: string, path: Path = []): Leaf[] {
  if (typeof value === "string" || typeof value === "number") return [{ path, value }];
  return Object.entries(Object(value)).flatMap(([key, entry]) => {
    const isCheckedName = key === "name" && path.length > 0 && shape !== "rfc";
    if (isComment(key) && !isCheckedName) return [];
    return leavesOf(entry, shape, [...path, Array.isArray(value) ? Number(key) : key]);
  });
}

function changesOf(value: string | number): (string | number)[] {
  if (typeof value === "number")
    return [value + 1, value + 2, 0].filter((other) => other !== value);
  const at = [Math.floor(value.length / 2), value.length - 1];
  const flipped = at.map((index) => {
    const other = value.charAt(index) === "1" ? "2" : "1";
    return value.slice(0, index) + other + value.slice(index + 1);
  });
  return [...flipped, `${value}01`].filter((other) => other !== value);
}

/**
 * What is changed in which file: what a case says in a file of that case alone, since all others would be computed
 * again with every change.
 */
function piecesOf(file: Json, shape: string): { piece: Json; leaves: Leaf[] }[] {
  const cases = Array.isArray(file["cases"]) ? file["cases"] : [];
  const isOfCase = ({ path }: Leaf): boolean => path[0] === "cases";
  const alone = cases.map((one: unknown) => ({ ...file, cases: [one] }));
  return [
    { piece: file, leaves: leavesOf(file, shape).filter((leaf) => !isOfCase(leaf)) },
    ...alone.map((piece) => ({ piece, leaves: leavesOf(piece, shape).filter(isOfCase) })),
  ];
}

function changed(file: Json, { path }: Leaf, to: string | number): Json {
  const copy: Json = structuredClone(file);
  let holder: unknown = copy;
  for (const step of path.slice(0, -1)) holder = Reflect.get(Object(holder), step);
  Reflect.set(Object(holder), path.at(-1) ?? "", to);
  return copy;
}

async function check(file: Json): Promise<VectorReport> {
  return (await checkWireVectors(file)) ?? checkVectors(file);
}

/** Whether the checker finds the file bad: by a difference, or by refusing it. */
async function isFound(file: Json): Promise<boolean> {
  try {
    return (await check(file)).difference !== undefined;
  } catch {
    return true;
  }
}

describe("any value that is changed is found", () => {
  it.each(FILES)("in %s.json", { timeout: 120_000 }, async (name) => {
    const file = published(name);
    const pieces = piecesOf(file, name);
    expect(pieces.flatMap(({ leaves }) => leaves).length).toBe(leavesOf(file, name).length);
    expect(leavesOf(file, name).length).toBeGreaterThan(8);
    for (const { piece, leaves } of pieces) {
      const { unchecked, difference } = await check(piece);
      expect({ unchecked, difference }).toEqual({});
      for (const leaf of leaves)
        for (const to of changesOf(leaf.value)) {
          const isNoticed = await isFound(changed(piece, leaf, to));
          expect(isNoticed, `${leaf.path.join(".")}: ${to}`).toBe(true);
        }
    }
  });
});

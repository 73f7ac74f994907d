/** The reference pages name every field that the schemas have, and no other, with its values and its default. */
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { agentJsonSchema } from "../../../agent/device/config-schema.ts";
import { profileJsonSchema } from "../../../agent/device/profile/profile.ts";

interface Node {
  readonly properties?: Record<string, Node> | undefined;
  readonly items?: Node | undefined;
  readonly required?: readonly string[] | undefined;
  readonly enum?: readonly (string | number)[] | undefined;
  readonly type?: string | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly default?: unknown;
}

const nodeSchema: z.ZodType<Node> = z.lazy(() =>
  z.object({
    properties: z.record(z.string(), nodeSchema).optional(),
    items: nodeSchema.optional(),
    required: z.array(z.string()).optional(),
    enum: z.array(z.union([z.string(), z.number()])).optional(),
    type: z.string().optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    default: z.unknown().optional(),
  }),
);

/** `field`, values and default of every leaf, as a table's first three cells. */
function rowsOf(node: Node, prefix = "", isRequired = true): string[] {
  if (node.properties)
    return Object.entries(node.properties).flatMap(([name, child]) =>
      rowsOf(child, join(prefix, name), node.required?.includes(name) === true),
    );
  if (node.items?.properties) return rowsOf(node.items, `${prefix}[]`);
  const isText = node.default === "" || node.default === undefined;
  const fallback = isText ? (isRequired ? "required" : "–") : `\`${String(node.default)}\``;
  return [`| \`${prefix}\` | ${valuesOf(node)} | ${fallback} |`];
}

function valuesOf({ enum: words, type, minimum, maximum, items }: Node): string {
  if (words) return words.map((word) => `\`${word}\``).join(" ");
  if (items) return `list of ${items.type === "string" ? "texts" : "numbers"}`;
  if (type === "boolean") return "`true` `false`";
  if (type === "string") return "text";
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  return most === undefined ? `from ${minimum}` : `${minimum} to ${most}`;
}

describe("docs/agent.md", () => {
  test("has a row for every field of agent.yaml", async () => {
    const page = await readFile("docs/agent.md", "utf8");
    const rows = rowsOf(nodeSchema.parse(agentJsonSchema()));
    const written = page.split("\n").filter((line) => /^\| `[\w[\].]+` /.test(line));
    expect(written.map((line) => `${line.split(" | ").slice(0, 3).join(" | ")} |`)).toEqual(rows);
  });
});

describe("docs/devices.md", () => {
  test("names every field of a profile", async () => {
    const page = await readFile("docs/devices.md", "utf8");
    const names = new Set(
      [...JSON.stringify(profileJsonSchema()).matchAll(/"properties":(\{)/g)].flatMap(
        ({ index, 0: start }) =>
          keysAt(JSON.stringify(profileJsonSchema()), index + start.length - 1),
      ),
    );
    expect(names.size).toBeGreaterThan(30);
    expect([...names].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});

/** The keys of the JSON object that begins at `at`. */
function keysAt(json: string, at: number): string[] {
  let depth = 0;
  for (let i = at; i < json.length; i++) {
    if (json[i] === "{") depth++;
    if (json[i] === "}") depth--;
    if (depth === 0) return Object.keys(JSON.parse(json.slice(at, i + 1)));
  }
  return [];
}

function join(prefix: string, name: string): string {
  return prefix === "" ? name : `${prefix}.${name}`;
}

import { describe, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { parseConfig } from "../../../core/runtime/config.ts";

const schema = z.strictObject({
  host: z.string(),
  limits: z.strictObject({ maxBytes: z.int().min(1) }),
  list: z.array(z.strictObject({ name: z.string() })).default([]),
});

function problemsOf(text: string): string {
  try {
    parseConfig(text, schema, "x.yaml");
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
  return "";
}

describe("a configuration", () => {
  test("is read", () => {
    const value = parseConfig("host: a\nlimits: { maxBytes: 5 }\n", schema, "x.yaml");
    expect(value).toEqual({ host: "a", limits: { maxBytes: 5 }, list: [] });
  });

  test("is checked without compiling the checks, since it is read once", () => {
    const compile = vi.spyOn(globalThis, "Function");
    onTestFinished(() => compile.mockRestore());
    parseConfig("host: a\nlimits: { maxBytes: 5 }\n", z.strictObject(schema.shape), "x.yaml");
    expect(compile).not.toHaveBeenCalled();
    z.strictObject(schema.shape).parse({ host: "a", limits: { maxBytes: 5 } });
    expect(compile).toHaveBeenCalled();
  });

  test("tells all problems at once, each with its line and field", () => {
    const text = "host: 5\nlimits:\n  maxBytes: 0\nlist:\n  - name: a\n  - nom: b\nextra: 1\n";
    const problems = problemsOf(text);
    expect(problems).toContain("x.yaml:1: host:");
    expect(problems).toContain("x.yaml:3: limits.maxBytes:");
    expect(problems).toContain("x.yaml:6: list.1.name:");
    expect(problems).toContain("x.yaml:6: list.1.nom: is not known here");
    expect(problems).toContain("x.yaml:7: extra: is not known here");
  });

  test("that is no YAML names the line", () => {
    expect(problemsOf('host: "a\nlimits: }')).toMatch(/x\.yaml:\d+:/);
  });

  test("with an alias that leads nowhere, or to too much, is refused as a whole", () => {
    const grown = Array.from({ length: 9 }, (_, n) => {
      const of = n === 0 ? "x" : `*a${n - 1}`;
      return `a${n}: &a${n} [${Array(9).fill(of).join(", ")}]\n`;
    }).join("");
    for (const text of ["host: *nowhere\n", grown])
      expect(() => parseConfig(text, schema, "x.yaml")).toThrow(
        expect.objectContaining({ code: "CONFIG" }),
      );
  });

  test("that is empty lacks everything", () => {
    expect(problemsOf("")).toContain("host");
  });
});

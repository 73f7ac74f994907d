import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseCsv } from "../../kms/csv.ts";

function fieldsOf(text: string): (readonly string[])[] {
  return parseCsv(text).rows.map(({ fields }) => fields);
}

describe("comma-separated values", () => {
  test.each([
    [
      "a,b\nc,d\n",
      [
        ["a", "b"],
        ["c", "d"],
      ],
    ],
    [
      "a,b\r\nc,d",
      [
        ["a", "b"],
        ["c", "d"],
      ],
    ],
    ['a,"b,c"\n', [["a", "b,c"]]],
    ['"say ""hi""",x', [['say "hi"', "x"]]],
    ['"two\nlines",x', [["two\nlines", "x"]]],
    ["a,,\n", [["a", "", ""]]],
    ["\n\na\n\n", [["a"]]],
    ["\ufeffa,b", [["a", "b"]]],
    ['5" pipe,x', [['5" pipe', "x"]]],
    ["", []],
  ])("%j", (text, rows) => {
    expect(fieldsOf(text)).toEqual(rows);
  });

  test("knows the lines, over quoted line breaks", () => {
    const { rows } = parseCsv('a\n"b\nb",c\n\nd\n');
    expect(rows.map(({ line }) => line)).toEqual([1, 2, 5]);
  });

  test.each([
    ['a\n"b', 2],
    ['a,"b"c\n', 1],
  ])("%j has a quote that does not close", (text, line) => {
    expect(parseCsv(text).openQuoteAt).toBe(line);
  });

  test("gives back what was quoted, whatever it is", () => {
    const field = fc.string({
      unit: fc.constantFrom('"', ",", "\n", "\r", "|", "a", "\u00e9", "\ufeff", " "),
    });
    const row = fc
      .array(field, { minLength: 1, maxLength: 4 })
      .filter((r) => r.some((f) => f !== ""));
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 4 }), (rows) => {
        const quoted = rows.map((r) => r.map((f) => `"${f.replaceAll('"', '""')}"`).join(","));
        expect(fieldsOf(quoted.join("\n"))).toEqual(rows);
      }),
      { numRuns: 50 },
    );
  });
});

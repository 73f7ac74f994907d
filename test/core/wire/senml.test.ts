import fc from "fast-check";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { clockRecord, packTakenAt } from "../../../core/wire/clock.ts";
import { parseJson } from "../../../core/wire/fields.ts";
import {
  isSenmlName,
  parsePack,
  senmlPackOf,
  senmlPackSchema,
  senmlRecordOf,
  toSenmlName,
} from "../../../core/wire/senml.ts";

const anyText = fc
  .uint16Array({ maxLength: 40, max: 0x2ff })
  .map((units) => String.fromCharCode(...units));

describe("names", () => {
  test("follow RFC 8428 §4.5.1", () => {
    for (const name of ["t", "0", "urn:dev:ow:10e2073a01080063", "a-b.c/d_e:f"])
      expect(isSenmlName(name)).toBe(true);
    for (const name of ["", "-a", ".a", "a b", "ä", "a\n", "x".repeat(256)])
      expect(isSenmlName(name)).toBe(false);
  });

  test("any text becomes a valid name or none", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const name = toSenmlName(text);
        if (name !== null) expect(isSenmlName(name)).toBe(true);
        if (isSenmlName(text)) expect(name).toBe(text);
      }),
    );
  });
});

describe("packs", () => {
  test("a value goes where its type belongs, and the time into the first record", () => {
    const records = [
      senmlRecordOf("t", 21.5, "Cel"),
      senmlRecordOf("s", "ok"),
      senmlRecordOf("b", false),
    ];
    const pack = senmlPackOf(records, 1_700_000_000_250);
    expect(pack).toEqual([
      { bt: 1_700_000_000.25, n: "t", u: "Cel", v: 21.5 },
      { n: "s", vs: "ok" },
      { n: "b", vb: false },
    ]);
    expect(senmlPackSchema.parse(pack)).toEqual(pack);
  });

  test.each([
    ["nothing", []],
    ["no value", [{ n: "t" }]],
    ["two values", [{ n: "t", v: 1, vs: "1" }]],
    ["an unknown member", [{ n: "t", v: 1, x: 1 }]],
    ["a number that JSON has not", [{ n: "t", v: Number.POSITIVE_INFINITY }]],
  ])("%s is no pack", (_what, pack) => {
    expect(senmlPackSchema.safeParse(pack).success).toBe(false);
  });

  test("a sum alone is a value (RFC 8428 §4.2)", () => {
    expect(senmlPackSchema.safeParse([{ n: "kWh", s: 12 }]).success).toBe(true);
  });
});

const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

test("a pack is judged by hand exactly as by the schema", () => {
  const odd = fc.oneof(fc.double(), fc.string(), fc.boolean(), fc.constant(null), fc.constant([]));
  const record = fc.oneof(
    fc.record({ n: fc.string(), v: fc.double() }),
    fc.record(
      {
        ...{
          bn: odd,
          bt: odd,
          bu: odd,
          bver: odd,
          n: fc.stringMatching(/^[A-Za-z0-9:]+$/),
          u: odd,
        },
        ...{ v: fc.double(), vs: odd, vb: odd, vd: odd, s: odd, t: odd, ut: odd, x: odd },
        ...{ boot: odd, mono: odd, unsynced: odd },
      },
      { requiredKeys: [] },
    ),
    odd,
  );
  fc.assert(
    fc.property(fc.oneof(fc.array(record, { maxLength: 3 }), odd), (value) => {
      const bytes = bytesOf(value);
      const outcome = (parse: () => unknown): unknown => {
        try {
          return parse();
        } catch (error) {
          return String(error);
        }
      };
      expect(outcome(() => parsePack(bytes).pack)).toEqual(
        outcome(() => parseJson(bytes, senmlPackSchema)),
      );
    }),
    { numRuns: 2000 },
  );
});

test("what JSON can say and a number cannot be is no value of a pack", () => {
  expect(() => parsePack(Buffer.from('[{"n":"a","v":1e999}]'))).toThrow("0.v");
  expect(() => parsePack(Buffer.from("not JSON"))).toThrow("not valid JSON");
});

test.each([true, false])("what a device packs (clock set: %s) is judged by hand", (isSet) => {
  const moment = { wallMs: 1_790_000_000_123, boot: "AAECAwQFBgc", sinceBootMs: 4567.8, isSet };
  const records = [
    senmlRecordOf("temperature", 21.5, "Cel"),
    senmlRecordOf("state", "ok"),
    senmlRecordOf("open", false),
  ];
  for (const pack of [packTakenAt(records, moment), clockRecord(moment)]) {
    const bytes = bytesOf(pack);
    const bySchema = parseJson(bytes, senmlPackSchema);
    const schema = vi.spyOn(senmlPackSchema, "safeParse");
    onTestFinished(() => schema.mockRestore());
    expect(parsePack(bytes)).toEqual({ pack: bySchema, json: bytes.toString() });
    expect(schema).not.toHaveBeenCalled();
    schema.mockRestore();
  }
});

test.each([
  ["over two lines", '[{"n":"a",\n"v":1}]'],
  ["with a tab between", '[{"n":"a",\t"v":1}]'],
  ["with an escape", '[{"n":"a","vs":"\\u0022"}]'],
  ["with a field twice", '[{"n":"b","n":"a","v":1}]'],
  ["with a field twice, set apart", '[{"n":"b","n" :"a","v":1}]'],
  ["of the seldom kind", '[{"n":"a","bu":"Cel","v":1}]'],
])("JSON %s is not handed on as it came", (_what, text) => {
  const { pack, json } = parsePack(Buffer.from(text));
  expect(pack[0]?.n).toBe("a");
  expect(json).toBeUndefined();
});

test("JSON that is one line is handed on as it came, spaces, signs and digits too", () => {
  const text =
    '[{"bt": 1.50, "n":"a","vs":"\u00b0C, {ok}: [1]"},{"n":"b","v":0.1000000000000000055511}]';
  expect(parsePack(Buffer.from(text)).json).toBe(text);
});

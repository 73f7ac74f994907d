import { describe, expect, test } from "vitest";
import { jsonDecoder, jsonDecoding } from "../../../../agent/device/profile/json.ts";

const all = jsonDecoder({ type: "json", fields: "all" });

describe("fields: all", () => {
  test("numbers, texts and truths at the top become records under their names", () => {
    expect(
      all(Buffer.from('{"t":-1.5e-1,"s":"ok","b":true,"n":null,"l":[1],"o":{"x":1}}')),
    ).toEqual([
      { n: "t", v: -0.15 },
      { n: "s", vs: "ok" },
      { n: "b", vb: true },
    ]);
  });

  test("names that SenML does not allow are brought to the nearest that it does", () => {
    expect(all(Buffer.from('{"temp °C":1,"_x":2,"°":3,"":4,"a/b:c-d.e_f":5}'))).toEqual([
      { n: "temp__C", v: 1 },
      { n: "x", v: 2 },
      { n: "a/b:c-d.e_f", v: 5 },
    ]);
  });

  test.each([
    ["half a line", '{"t":1'],
    ["the other half", '"t":1}'],
    ["a list", "[1,2]"],
    ["a number", "21.5"],
    ["null", "null"],
    ["nothing usable", '{"o":{"t":1}}'],
    ["an empty object", "{}"],
    ["a number beyond doubles", '{"t":1e999,"u":1}'],
    ["words that JSON does not have", '{"t":NaN}'],
    ["a member of a broken object", '"o":{"t":1},"u":2}'],
  ])("%s is no reading", (_what, line) => {
    expect(all(Buffer.from(line))).toBeNull();
  });

  test("bytes that are not UTF-8 are no reading, even inside a text", () => {
    expect(all(Buffer.from('{"s":"caf\xe9"}', "latin1"))).toBeNull();
  });

  test("names that objects inherit are names like others", () => {
    expect(all(Buffer.from('{"__proto__":1,"constructor":2}'))).toEqual([
      { n: "proto__", v: 1 },
      { n: "constructor", v: 2 },
    ]);
  });
});

describe("listed fields", () => {
  const decode = jsonDecoder(
    jsonDecoding.parse({
      type: "json",
      fields: [
        { path: "env.temp", name: "temperature", unit: "Cel" },
        { path: "s.1.v", name: "second" },
        { path: "constructor", name: "none" },
      ],
    }),
  );

  test("are found by path, named, and carry their unit", () => {
    expect(decode(Buffer.from('{"env":{"temp":21.5},"s":[{"v":1},{"v":"two"}],"x":3}'))).toEqual([
      { n: "temperature", u: "Cel", v: 21.5 },
      { n: "second", vs: "two" },
    ]);
  });

  test("those that are missing or no plain value are left out; none at all is no reading", () => {
    expect(decode(Buffer.from('{"env":{"temp":1},"s":[]}'))).toHaveLength(1);
    expect(decode(Buffer.from('{"env":{"temp":null},"s":null}'))).toBeNull();
    expect(decode(Buffer.from('{"env":3}'))).toBeNull();
  });

  test("a number beyond doubles that nobody asked for does no harm", () => {
    expect(decode(Buffer.from('{"env":{"temp":1},"x":1e999}'))).toHaveLength(1);
    expect(decode(Buffer.from('{"env":{"temp":1e999},"s":[0,{"v":1}]}'))).toBeNull();
  });
});

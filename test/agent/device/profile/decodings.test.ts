import { describe, expect, test } from "vitest";
import { encodeRegisters } from "../../../../agent/device/framing/modbus-message.ts";
import { createDecoder, decodingSchema } from "../../../../agent/device/profile/decoding.ts";
import { objectsIn } from "../../../../agent/device/profile/json.ts";
import { loadRegexEngine } from "../../../../agent/device/profile/regex.ts";
import type { SenmlRecord } from "../../../../core/wire/senml.ts";

await loadRegexEngine();

/** What a decoding makes of a frame. */
function decode(decoding: unknown, frame: Buffer | string): SenmlRecord[] | null {
  return createDecoder(decodingSchema.parse(decoding))(Buffer.from(frame));
}

describe("csv", () => {
  const named = {
    type: "csv",
    separator: ";",
    columns: 3,
    fields: [
      { column: 1, name: "t", unit: "Cel", scale: 0.1 },
      { column: 3, name: "state", text: true },
    ],
  } as const;

  test("columns are named, scaled, or texts", () => {
    expect(decode(named, "215;x; ok ")).toEqual([
      { n: "t", u: "Cel", v: 21.5 },
      { n: "state", vs: "ok" },
    ]);
  });

  test.each([
    "215;x",
    "215;x;ok;",
    "21.5.1;x;ok",
    "0x15;x;ok",
    ";x;ok",
    "NaN;x;ok",
    "21\u00005;x;ok",
  ])("%j is no reading: cut, merged, or no number", (line) =>
    expect(decode(named, line)).toBeNull(),
  );

  test("all columns as they are; a line without a number, or with noise in it, is no reading", () => {
    const all = { type: "csv", fields: "all" } as const;
    expect(decode(all, '-1.5e1,,"a, ""b""",+.5')).toEqual([
      { n: "c1", v: -15 },
      { n: "c3", vs: 'a, "b"' },
      { n: "c4", v: 0.5 },
    ]);
    expect(decode(all, "temp,rh")).toBeNull();
    expect(decode(all, '1,"open')).toBeNull();
    expect(decode(all, '1,"a"b')).toBeNull();
    expect(decode(all, Buffer.from("1,caf\xe9", "latin1").toString("latin1"))).not.toBeNull();
    expect(createDecoder(decodingSchema.parse(all))(Buffer.from("1,caf\xe9", "latin1"))).toBeNull();
    expect(decode({ ...all, separator: " " }, "  1   2 ")).toEqual([
      { n: "c1", v: 1 },
      { n: "c2", v: 2 },
    ]);
  });

  const all = { type: "csv", fields: "all" } as const;

  test.each(["21.6,40.22.7", "2#.5,40.1", "1e999,5", "-.5.,1", "1,2:5", "1,12V", "1,2026-01"])(
    "%j has what begins like a number and is none: no reading",
    (line) => expect(decode(all, line)).toBeNull(),
  );

  test.each(["2026-11-29", "12:30:05", "2026-11-29T12:30:05.250Z", "29/11/2026 12:30", "ok", "T1"])(
    "%j is a text",
    (text) =>
      expect(decode(all, `1,${text}`)).toEqual([
        { n: "c1", v: 1 },
        { n: "c2", vs: text },
      ]),
  );

  test("lines with another number of columns than usual were cut or merged", () => {
    const decoder = createDecoder(decodingSchema.parse(all));
    const taken = (line: string): boolean => decoder(Buffer.from(line)) !== null;
    // The first one is cut, as captures begin: nothing tells so.
    const lines = ["2,3", "1,2,3", "4,5,6", "1,2", "1", "1", "4,5,64,5,6", "4,5,6"];
    expect(lines.map(taken)).toEqual([true, true, true, false, false, false, false, true]);
    // A device that has changed its mind is believed after a while.
    const other = Array.from({ length: 16 }, () => taken("1,2"));
    expect([other[0], other.at(-1)]).toEqual([false, true]);
    const given = createDecoder(decodingSchema.parse({ ...all, columns: 2 }));
    expect(
      ["1,2", "1,2,3", "1,2,3", "1,2"].map((line) => given(Buffer.from(line)) !== null),
    ).toEqual([true, false, false, true]);
  });
});

describe("regex", () => {
  const pattern = "T=(?<temp>-?\\d+\\.\\d)C(?: H=(?<rh>\\d+))? (?<state>\\w+)";
  const fields = { temp: { unit: "Cel", scale: 2, name: "t" }, state: { text: true } } as const;
  const decoding = { type: "regex", pattern, fields } as const;

  test("named groups of the whole line; a group that is not there is left out", () => {
    expect(decode(decoding, "T=-1.5C H=40 ok")).toEqual([
      { n: "t", u: "Cel", v: -3 },
      { n: "rh", v: 40 },
      { n: "state", vs: "ok" },
    ]);
    expect(decode(decoding, "T=1.5C ok")).toHaveLength(2);
    expect(decode(decoding, "xT=1.5C ok")).toBeNull();
    expect(decode(decoding, "T=1.5C ok\u0007")).toBeNull();
  });

  test("a group that should be a number and is none is no reading", () => {
    expect(decode({ type: "regex", pattern: "(?<n>.*)" }, "1.2.3")).toBeNull();
    expect(decode({ type: "regex", pattern: "(?<n>.*)" }, " 12 ")).toEqual([{ n: "n", v: 12 }]);
  });

  test("an expression that would stop V8 for years is done at once", () => {
    const evil = { type: "regex", pattern: "(?<n>(?:(?:a+)+)+)$" } as const;
    const before = process.cpuUsage();
    expect(decode(evil, `${"a".repeat(4000)}b`)).toBeNull();
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(2000);
  });

  test.each([
    ["(?<n>a", "is no regular expression of RE2"],
    ["(?=a)(?<n>b)", "is no regular expression of RE2"],
    ["\\d+", "needs a named group"],
  ])("%s is refused with its reason", (text, reason) => {
    const { error } = decodingSchema.safeParse({ type: "regex", pattern: text });
    expect(error?.issues[0]).toMatchObject({ message: expect.stringContaining(reason) });
  });

  test("a field of no group is refused", () => {
    const { error } = decodingSchema.safeParse({ ...decoding, fields: { temperature: {} } });
    expect(error?.issues[0]).toMatchObject({ path: ["fields", "temperature"] });
  });
});

describe("binary", () => {
  const bytes = Buffer.from("ff80fffe0102030440490fdb400921fb54442d18", "hex");
  const field = (offset: number, type: string, more = {}) => ({
    ...{ offset, type, name: "x" },
    ...more,
  });

  test.each([
    [field(0, "u8"), 255],
    [field(0, "i8"), -1],
    [field(0, "u16"), 0xff80],
    [field(0, "u16", { endian: "little" }), 0x80ff],
    [field(2, "i16"), -2],
    [field(4, "u24"), 0x010203],
    [field(4, "u24", { endian: "little" }), 0x030201],
    [field(1, "i24"), -0x7f0002],
    [field(4, "u32"), 0x01020304],
    [field(0, "i32"), -0x7f0002],
    [field(8, "f32"), Number(Math.PI.toPrecision(8))],
    [field(12, "f64"), Math.PI],
    [field(4, "u64"), Number(0x01020304_40490fdbn)],
    [field(0, "u16", { mask: 0x0ff0 }), 0xf8],
    [field(0, "u32", { mask: 0x8000_0000 }), 1],
    [field(5, "u8", { scale: 0.1, plus: -40 }), -39.8],
    [field(6, "u8", { scale: 0.1 }), 0.3],
  ])("%j is %d", (spec, value) => {
    const decoding = decodingSchema.parse({ type: "binary", fields: [spec] });
    expect(createDecoder(decoding)(bytes)).toEqual([{ n: "x", v: value }]);
  });

  test("a frame of another length, or shorter than its fields, is no reading; NaN is no value", () => {
    const fields = [{ offset: 0, type: "f32", name: "x" } as const];
    expect(decode({ type: "binary", length: 5, fields }, Buffer.alloc(4))).toBeNull();
    expect(decode({ type: "binary", fields }, Buffer.alloc(3))).toBeNull();
    expect(decode({ type: "binary", fields }, Buffer.from("7fc00000", "hex"))).toBeNull();
    expect(decode({ type: "binary", fields }, Buffer.from("80000000", "hex"))).toEqual([
      { n: "x", v: 0 },
    ]);
  });

  test("the number that means no value is none; a frame of nothing else is no reading", () => {
    const temperature = { offset: 1, type: "u8", name: "t", plus: -40, none: 0 } as const;
    const fields = [{ offset: 0, type: "u8", name: "x" } as const, temperature];
    expect(decode({ type: "binary", fields }, Buffer.of(7, 0))).toEqual([{ n: "x", v: 7 }]);
    expect(decode({ type: "binary", fields }, Buffer.of(7, 40))?.[1]).toEqual({ n: "t", v: 0 });
    expect(decode({ type: "binary", fields: [temperature] }, Buffer.of(7, 0))).toBeNull();
  });
});

describe("modbus", () => {
  const frame = encodeRegisters(
    { function: 3, register: 0x10, count: 4 },
    Buffer.from("0001fffe4366 3333".replace(" ", ""), "hex"),
  );
  const field = (register: number, type: "u16" | "i16" | "i32" | "f32", words?: "little") => ({
    ...{ register, type, name: `r${register}` },
    ...(words ? { words } : {}),
  });

  test("registers by their number; those that were not read are left out", () => {
    const fields = [field(0x11, "i16"), field(0x12, "f32"), field(0x13, "f32"), field(0xf, "u16")];
    expect(decode({ type: "modbus", fields }, frame)).toEqual([
      { n: "r17", v: -2 },
      { n: "r18", v: 230.2 },
    ]);
    expect(decode({ type: "modbus", fields: [field(0x30, "u16")] }, frame)).toEqual([]);
  });

  test("words in either order", () => {
    expect(decode({ type: "modbus", fields: [field(0x10, "i32", "little")] }, frame)).toEqual([
      { n: "r16", v: -0x1_ffff },
    ]);
  });
});

describe("nmea", () => {
  const rmc = { type: "nmea", sentences: ["RMC", "GGA"] } as const;

  test.each([
    "GPRMC,123519,V,4807.038,N,01131.000,E,022.4,084.4,230394,,",
    "GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,,,N",
    "GPGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1",
    "GPGGA,123519,4807.038,N,01131.000,E,0,00,99.99,,M,,M,,",
    "GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,,,M",
    "PGRMC,A,218.8,100,6378137.000,298.257223563,0.0,0.0,0.0,A,3,1,1,4,30",
    "PGRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,,",
  ])("%s has nothing to tell", (sentence) => expect(decode(rmc, sentence)).toEqual([]));

  test.each([
    "GPRMC,123519,A,4860.000,N,01131.000,E,,,230394,,",
    "GPRMC,123519,A,9001.000,N,01131.000,E,,,230394,,",
    "GPRMC,123519,A,4807.038,X,01131.000,E,,,230394,,",
    "GPRMC,123519,A,807.038,N,01131.000,E,,,230394,,",
    "GPRMC,123519,A,,,,,,,230394,,",
    "GPRMC,123519,A,4807.038,N,01131.000,E,22.4.1,084.4,230394,,",
    "GPRMC,123519,A,4807.038,N,01131.000,E,084.4,230394,,",
    "GPRMC,1235,A,4807.038,N,01131.000,E,022.4,084.4,230394,,",
    "GPRMC,123519,A,4807.038,N,01131.000,E,022.4,230394,003.1,W,,",
    "GPRMC,123519",
  ])("%s is not valid", (sentence) => expect(decode(rmc, sentence)).toBeNull());

  test("fields of other sentences by their place", () => {
    const fields = [{ sentence: "MWV", field: 3, name: "wind", unit: "m/s", scale: 0.5 }] as const;
    expect(decode({ type: "nmea", fields: [...fields] }, "WIMWV,214.8,R,5.2,M,A")).toEqual([
      { n: "wind", u: "m/s", v: 2.6 },
    ]);
    expect(decode({ type: "nmea", fields: [...fields] }, "WIMWV,214.8,R,,M,A")).toEqual([]);
  });
});

describe("json", () => {
  const all = { type: "json", fields: "all" } as const;

  test("what follows noise in a line is read; a part of a broken object is not", () => {
    expect(decode(all, '\u0000\ufffdx{"t":1}')).toEqual([{ n: "t", v: 1 }]);
    expect(decode(all, '{"t":\u00001,"o":{"rssi":-70}}')).toBeNull();
    expect(decode(all, 'boot: {"t":1}')).toEqual([{ n: "t", v: 1 }]);
    expect(
      createDecoder(decodingSchema.parse(all))(Buffer.from('\xf8\x00{"t":1}', "latin1")),
    ).toEqual([{ n: "t", v: 1 }]);
  });

  const parts = (line: string): string[] =>
    objectsIn(Buffer.from(line)).map(({ from, to }) => line.slice(from, to));

  test.each([
    ['{"t":1.{"t":2}', ['{"t":2}']],
    ['{"t":6}{"t":7}', ['{"t":6}', '{"t":7}']],
    ['{"t":6} { "t" : 7 }{"t":8', ['{"t":6}', '{ "t" : 7 }']],
    ['{"s":"a{"t":2}', ['{"t":2}']],
    ['{"s":"}{\\"t\\":5}","t":2}', ['{"s":"}{\\"t\\":5}","t":2}']],
    ['{"t":1}\u0000\u0001', ['{"t":1}']],
    ['\u0000{"t":1}', ['{"t":1}']],
    ['{"t":1} x', ['{"t":1}']],
    ['{"t":1}]x', ['{"t":1}']],
  ])("in %j some are whole", (line, whole) => expect(parts(line)).toEqual(whole));

  test.each([
    '{"t":1x,"o":{"rssi":-70}}',
    '{"t":1x,"o":{"rssi":-70}',
    '{"t":1x,"l":[{"a":1},{"b":2}]}',
    '"o";{"rssi":-70},"t":1}',
    "{}",
    '{"t":NaN}',
    `${'{"'.repeat(100)}{"t":1}`,
  ])("in %j none is", (line) => expect(parts(line)).toEqual([]));

  test("a line of beginnings is little work", () => {
    const before = process.cpuUsage();
    for (let i = 0; i < 20; i++) objectsIn(Buffer.from('{"'.repeat(32_768)));
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(5000);
  });

  test("listed numbers are scaled", () => {
    const fields = [{ path: "t", name: "t", scale: 0.01, plus: -50 }];
    expect(decode({ type: "json", fields }, '{"t":7123}')).toEqual([{ n: "t", v: 21.23 }]);
  });
});

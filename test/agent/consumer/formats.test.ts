import { describe, expect, test } from "vitest";
import { FORMATS } from "../../../agent/consumer/formats.ts";
import { measurementsOf } from "../../../agent/consumer/measurements.ts";
import { lineOf, type Reading } from "../../../agent/consumer/reading.ts";
import { present } from "../../../agent/consumer/subscribe.ts";
import { packTakenAt } from "../../../core/wire/clock.ts";
import { parsePack, type SenmlPack } from "../../../core/wire/senml.ts";

const TIME_MS = 1_700_000_000_000;

function readingOf(pack: SenmlPack, topic = "field/north"): Reading {
  return {
    ...{ id: "kid:1", topic, producer: "pi-1", timeMs: TIME_MS, takenMs: TIME_MS + 5, pack },
    ...{ kafkaTopic: "veil-a", partition: 0, offset: 7n },
  };
}

describe("the values of a pack", () => {
  test("have the base fields of the records before them", () => {
    const pack: SenmlPack = [
      { bn: "urn:dev:1/", bt: 1_600_000_000, bu: "Cel", n: "in", v: 21.5 },
      { n: "out", v: -3, t: 1.5 },
      { n: "rh", u: "%RH", v: 40 },
      { bn: "urn:dev:2/", n: "door", vb: false },
      { n: "sum", s: 9 },
    ];
    expect(measurementsOf({ pack, timeMs: TIME_MS })).toEqual([
      { name: "urn:dev:1/in", value: 21.5, unit: "Cel", timeMs: 1_600_000_000_000 },
      { name: "urn:dev:1/out", value: -3, unit: "Cel", timeMs: 1_600_000_001_500 },
      { name: "urn:dev:1/rh", value: 40, unit: "%RH", timeMs: 1_600_000_000_000 },
      { name: "urn:dev:2/door", value: false, unit: "Cel", timeMs: 1_600_000_000_000 },
      { name: "urn:dev:2/sum", value: 9, unit: "Cel", timeMs: 1_600_000_000_000 },
    ]);
  });

  test("without a time have the record's; a small time is relative to it", () => {
    const pack: SenmlPack = [
      { n: "a", v: 1 },
      { n: "b", v: 2, t: -5 },
    ];
    const times = measurementsOf({ pack, timeMs: TIME_MS }).map(({ timeMs }) => timeMs);
    expect(times).toEqual([TIME_MS, TIME_MS - 5000]);
  });
});

describe("a reading", () => {
  test.each([true, false])(
    "as NDJSON is the same line however it is put together (clock set: %s)",
    (isSet) => {
      const moment = { wallMs: TIME_MS, boot: "AAECAwQFBgc", sinceBootMs: 1500, isSet };
      const sealed = JSON.stringify(packTakenAt([{ n: "t", u: "Cel", v: 21.5 }], moment));
      const written = parsePack(Buffer.from(sealed));
      expect(written.json).toBe(sealed);
      const reading = { ...readingOf(written.pack, 'a "b"\u2028'), offset: 2n ** 53n - 1n };
      const line = FORMATS.ndjson.encode({ ...reading, ...written });
      expect(line).toBe(FORMATS.ndjson.encode(reading));
      expect(line).toBe(`${JSON.stringify(lineOf(reading))}\n`);
      expect(JSON.parse(line).unsynced).toBe(isSet ? undefined : true);
    },
  );

  test("as CSV is a line a value, quoted as RFC 4180 says", () => {
    const pack: SenmlPack = [
      { n: "temp", u: "Cel", v: 21.5 },
      { n: "note", vs: 'wet, "very"\r\nwet' },
    ];
    expect(FORMATS.csv.header + FORMATS.csv.encode(readingOf(pack, "a,b"))).toBe(
      [
        "time,topic,producer,name,value,unit,id,unsynced",
        '2023-11-14T22:13:20.000Z,"a,b",pi-1,temp,21.5,Cel,kid:1,',
        '2023-11-14T22:13:20.000Z,"a,b",pi-1,note,"wet, ""very""\r\nwet",,kid:1,',
        "",
      ].join("\r\n"),
    );
  });

  test.each([
    ["=1+1", "'=1+1"],
    ["+cmd", "'+cmd"],
    ["@sum", "'@sum"],
    ["-2+3", "'-2+3"],
    ["\tx", "'\tx"],
    ["-21.5", "-21.5"],
    ["+4e3", "+4e3"],
    ["a=b", "a=b"],
  ])("as CSV runs in no spreadsheet: %j", (text, cell) => {
    const line = FORMATS.csv.encode(readingOf([{ bn: text, vs: text }], text));
    expect(line.split(",").filter((_, n) => [1, 3, 4].includes(n))).toEqual([cell, cell, cell]);
    expect(FORMATS.csv.encode(readingOf([{ n: "t", v: -3 }]))).toContain(",-3,");
  });

  test("as SenML has the topic for a base name, where that may be one", () => {
    const pack: SenmlPack = [{ bt: 1_600_000_000, n: "temp", v: 1 }];
    expect(JSON.parse(FORMATS.senml.encode(readingOf(pack)))).toEqual([
      { bn: "field/north/", bt: 1_600_000_000, n: "temp", v: 1 },
    ]);
    expect(JSON.parse(FORMATS.senml.encode(readingOf(pack, "Gewächshaus")))).toEqual(pack);
  });

  test("of a clock that was not set says so, in every format and in the library", () => {
    const moment = { wallMs: 5000, boot: "AAECAwQFBgc", sinceBootMs: 1500, isSet: false };
    const pack = packTakenAt([{ n: "t", v: 1 }], moment);
    const reading = { ...readingOf(pack), timeMs: 5000 };
    expect(FORMATS.csv.encode(reading)).toBe(
      "1970-01-01T00:00:05.000Z,field/north,pi-1,t,1,,kid:1,true\r\n",
    );
    expect(FORMATS.pretty.encode(reading)).toBe(
      "1970-01-01 00:00:05.000Z (clock not set)  field/north  pi-1  t=1\n",
    );
    expect(JSON.parse(FORMATS.senml.encode(reading))).toMatchObject([{ unsynced: true }]);
    expect(present(reading).unsynced).toBe(true);
    expect(present(readingOf([{ n: "t", v: 1 }])).unsynced).toBe(false);
  });

  test("for people holds nothing that a terminal would obey", () => {
    const pack: SenmlPack = [
      { n: "temp", u: "Cel", v: 21.5 },
      { n: "note", vs: "\u001b[2Jgone\u009b1m\u202e" },
    ];
    expect(FORMATS.pretty.encode(readingOf(pack))).toBe(
      "2023-11-14 22:13:20.000Z  field/north  pi-1  temp=21.5 Cel  note= [2Jgone 1m \n",
    );
  });

  test("of a clock that no calendar has is written all the same", () => {
    const reading = { ...readingOf([{ n: "t", v: 1 }]), timeMs: 1e17 };
    expect(FORMATS.pretty.encode(reading)).toMatch(/^100000000000000000 {2}field/);
  });
});

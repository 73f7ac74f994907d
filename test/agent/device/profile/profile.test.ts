import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadProfile } from "../../../../agent/device/profile/profile.ts";
import { testFolder } from "../../../support/folder.ts";

describe("loadProfile", () => {
  test("finds what ships by its name, with the defaults filled in", async () => {
    expect(await loadProfile("json-lines")).toEqual({
      description: expect.any(String),
      serial: {
        baudRate: 115_200,
        dataBits: 8,
        stopBits: 1,
        parity: "none",
        flowControl: "none",
      },
      framing: { type: "lines", maxBytes: 4096, skipFirst: false },
      decoding: { type: "json", fields: "all" },
      values: {},
      minIntervalMs: 0,
      maxIntervalMs: 3_600_000,
    });
  });

  test("a name that does not ship says where to look", async () => {
    await expect(loadProfile("json-line")).rejects.toMatchObject({
      code: "CONFIG",
      hint: expect.stringContaining("devices"),
    });
  });

  test("reports all problems at once, with line and field", async () => {
    const path = join(await testFolder(), "mine.yaml");
    await writeFile(
      path,
      [
        "description: mine",
        "serial:",
        "  baudRate: fast",
        "  partiy: even",
        "framing:",
        "  type: lines",
        "  maxBytes: 0",
        "decoding:",
        "  type: json",
        "  fields:",
        "    - path: a..b",
        "      name: ok",
        "    - path: a",
        '      name: "not ok"',
        "      unti: Cel",
        "colour: blue",
      ].join("\n"),
    );
    const error: unknown = await loadProfile(path).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "CONFIG" });
    const lines = String(error).split("\n").slice(1);
    expect(lines.map((line) => /:(\d+): ([^:]+):/.exec(line)?.slice(1).join(" "))).toEqual([
      "3 serial.baudRate",
      "4 serial.partiy",
      "7 framing.maxBytes",
      "11 decoding.fields.0.path",
      "14 decoding.fields.1.name",
      "15 decoding.fields.1.unti",
      "16 colour",
    ]);
  });

  test("an unknown framing or decoding is refused", async () => {
    const path = join(await testFolder(), "mine.yaml");
    await writeFile(
      path,
      "description: x\nserial: { baudRate: 9600 }\nframing: { type: magic }\ndecoding: { type: json, fields: all }\n",
    );
    await expect(loadProfile(path)).rejects.toMatchObject({
      message: expect.stringContaining(":3: framing.type"),
    });
  });

  test.each([
    ["a unit that SenML does not have", "unit: °C", '"°C" is no SenML unit: write Cel'],
    ["a unit that is only spelt otherwise", "unit: pa", '"pa" is no SenML unit: write Pa'],
  ])("%s is refused, with what to write", async (_what, unit, message) => {
    const error = await problemOf([
      "description: x",
      "serial: { baudRate: 9600 }",
      "framing: { type: lines }",
      `decoding: { type: json, fields: [{ path: a, name: a, ${unit} }] }`,
    ]);
    expect(error).toContain(`:4: decoding.fields.0.unit: ${message}`);
  });

  test.each([
    [
      "a decoding of another framing",
      ["framing: { type: lines }", "decoding: { type: nmea, sentences: [RMC] }"],
      "decoding.type: nmea belongs to the framing nmea",
    ],
    [
      "Modbus that nobody asks for",
      [
        "framing: { type: modbus-rtu, unit: 1, reads: [{ function: 4, register: 0, count: 2 }] }",
        "decoding: { type: modbus, fields: [{ register: 0, type: f32, name: a }] }",
      ],
      "framing.type: modbus-rtu needs polling",
    ],
    [
      "a rule for a value that there is not",
      [
        "framing: { type: lines }",
        "decoding: { type: csv, fields: [{ column: 1, name: a }] }",
        "values: { b: { range: [0, 1] } }",
      ],
      "values.b: is no name of a field",
    ],
    [
      "a checksum behind the frame's end",
      [
        'framing: { type: fixed, header: "aa", length: 4, checksum: { type: sum16, at: 3, to: 3 } }',
        "decoding: { type: binary, fields: [{ offset: 0, type: u8, name: a }] }",
      ],
      "framing.checksum.at: lies behind the frame's end",
    ],
    [
      "a field behind the frame's end",
      [
        'framing: { type: fixed, header: "aa", length: 4 }',
        "decoding:",
        "  type: binary",
        "  fields:",
        "    - { offset: 2, type: u16, name: a }",
        "    - { offset: 3, type: u16, name: b }",
      ],
      ":8: decoding.fields.1.offset: lies outside of every frame",
    ],
    [
      "a field behind the length that a frame must have",
      [
        "framing: { type: slip }",
        "decoding: { type: binary, length: 3, fields: [{ offset: 0, type: u32, name: a }] }",
      ],
      "decoding.fields.0.offset: lies outside of every frame",
    ],
    [
      "a register that is not read, or not as a whole",
      [
        "framing: { type: modbus-rtu, unit: 1, reads: [{ function: 4, register: 4, count: 3 }] }",
        "polling: { intervalMs: 1000 }",
        "decoding:",
        "  type: modbus",
        "  fields:",
        "    - { register: 4, type: f32, name: a }",
        "    - { register: 6, type: f32, name: b }",
      ],
      ":9: decoding.fields.1.register: lies outside of every frame",
    ],
  ])("%s is refused", async (_what, lines, message) => {
    const error = await problemOf(["description: x", "serial: { baudRate: 9600 }", ...lines]);
    expect(error).toContain(message);
  });
});

/** Why a profile of these lines is refused. */
async function problemOf(lines: readonly string[]): Promise<string> {
  const path = join(await testFolder(), "mine.yaml");
  await writeFile(path, lines.join("\n"));
  return loadProfile(path).then(
    () => "it is taken",
    (error: unknown) => String(error),
  );
}

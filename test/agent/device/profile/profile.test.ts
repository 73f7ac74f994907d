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
});

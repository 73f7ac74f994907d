/** Every shipped profile turns its capture of real bytes into exactly the readings beside it. */
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  decoderOf,
  framerOf,
  loadProfile,
  shippedProfiles,
} from "../../agent/device/profile/profile.ts";
import { senmlPackSchema } from "../../core/wire/senml.ts";

const folder = shippedProfiles();
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".yaml"))
  .map((file) => file.slice(0, -".yaml".length));

describe.each(names)("%s", (name) => {
  async function load() {
    const profile = await loadProfile(name);
    const capture = await readFile(join(folder, name, "capture.bin"));
    const readings = (await readFile(join(folder, name, "readings.ndjson"), "utf8")).trim();
    const decode = decoderOf(profile);
    const run = (chunks: readonly Buffer[]): unknown[] => {
      const framer = framerOf(profile);
      const frames = chunks.flatMap((chunk) => framer.push(chunk));
      return frames.map(({ bytes }) => decode(bytes)).filter((records) => records !== null);
    };
    const packs = readings.split("\n").map((line) => {
      const reading: unknown = JSON.parse(line);
      expect(reading).toEqual({ pack: expect.any(Array) });
      return Object.values(reading as object)[0] as unknown;
    });
    return { capture, packs, run };
  }

  test("gives the expected readings, and they are SenML", async () => {
    const { capture, packs, run } = await load();
    expect(run([capture])).toEqual(packs);
    for (const pack of packs) expect(senmlPackSchema.safeParse(pack).success).toBe(true);
  });

  test("gives the same, cut in two at every byte and byte by byte", async () => {
    const { capture, packs, run } = await load();
    for (let at = 0; at <= capture.length; at++)
      expect(run([capture.subarray(0, at), capture.subarray(at)])).toEqual(packs);
    expect(run(Array.from(capture, (byte) => Buffer.of(byte)))).toEqual(packs);
  });
});

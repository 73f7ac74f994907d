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

async function load(name: string) {
  const profile = await loadProfile(name);
  const capture = await readFile(join(folder, name, "capture.bin"));
  const readings = (await readFile(join(folder, name, "readings.ndjson"), "utf8")).trim();
  const decode = decoderOf(profile);
  const run = (chunks: readonly Buffer[]): unknown[] => {
    const framer = framerOf(profile);
    const frames = [...chunks.flatMap((chunk) => framer.push(chunk)), ...framer.flush()];
    return frames.map(({ bytes }) => decode(bytes)).filter((records) => records?.length);
  };
  const packs = readings.split("\n").map((line) => {
    const reading: unknown = JSON.parse(line);
    expect(reading).toEqual({ pack: expect.any(Array) });
    return Object.values(reading as object)[0] as unknown;
  });
  return { capture, packs, run };
}

describe.each(names)("%s", (name) => {
  test("gives the expected readings, and they are SenML", async () => {
    const { capture, packs, run } = await load(name);
    expect(run([capture])).toEqual(packs);
    for (const pack of packs) expect(senmlPackSchema.safeParse(pack).success).toBe(true);
  });

  test("gives the same, cut in two at every byte and byte by byte", async () => {
    const { capture, packs, run } = await load(name);
    for (let at = 0; at <= capture.length; at++)
      expect(run([capture.subarray(0, at), capture.subarray(at)])).toEqual(packs);
    expect(run(Array.from(capture, (byte) => Buffer.of(byte)))).toEqual(packs);
  });
});

/** The devices whose frames have a checksum, which no single wrong bit gets past. */
const guarded = names.filter((name) => !["json-lines", "csv-lines"].includes(name));

describe.each(guarded)("%s, with a byte that is wrong or missing", (name) => {
  test("loses the frame that it was in, and tells nothing wrong", async () => {
    const { capture, packs, run } = await load(name);
    const wanted = packs.map((pack) => JSON.stringify(pack));
    for (let at = 0; at < capture.length; at++) {
      const flipped = Buffer.from(capture);
      flipped[at] = (capture[at] ?? 0) ^ (1 << (at % 8));
      const missing = Buffer.concat([capture.subarray(0, at), capture.subarray(at + 1)]);
      for (const bytes of [flipped, missing]) {
        const got = run([bytes]).map((pack) => JSON.stringify(pack));
        // A flipped bit may also mend one of the capture's frames that was damaged in it.
        const right = got.filter((pack) => wanted.includes(pack));
        expect(right.length).toBeGreaterThanOrEqual(wanted.length - 1);
        expect(got.length - right.length).toBeLessThanOrEqual(bytes === flipped ? 1 : 0);
      }
    }
  });
});

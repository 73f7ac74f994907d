import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { guessFixed } from "../../../../agent/device/sniffing/fixed.ts";
import { DEVICES, Dice } from "../../../devices/damage.ts";

const LAYOUTS = {
  "plantower-pms5003": { length: 32, checksum: { type: "sum16", at: 30, to: 30 } },
  "nova-sds011": { length: 10, trailer: "ab", checksum: { type: "sum8", at: 8, from: 2, to: 8 } },
  "winsen-mh-z19": { length: 9, checksum: { type: "negative-sum8", at: 8, from: 1, to: 8 } },
};
const HEADERS = {
  "plantower-pms5003": "42 4d",
  "nova-sds011": "aa c0",
  "winsen-mh-z19": "ff 86",
};
const NAMES = Object.keys(LAYOUTS) as (keyof typeof LAYOUTS)[];

/** What a line gives within `size` bytes: one part in five is noise, or a frame that was cut off. */
function line(frame: (dice: Dice) => Buffer, size: number, dice: Dice): Buffer {
  const parts: Buffer[] = [];
  for (let bytes = 0; bytes < size; bytes += parts.at(-1)?.length ?? 0) {
    const [whole, luck] = [frame(dice), dice.int(0, 9)];
    const cut = whole.subarray(0, dice.int(1, whole.length - 1));
    parts.push(luck === 0 ? dice.bytes(dice.int(1, 20)) : luck === 1 ? cut : whole);
  }
  return Buffer.concat(parts).subarray(dice.int(0, 30), size);
}

describe.each(NAMES)("%s, as if it were unknown", (name) => {
  test("is known from its capture", async () => {
    const capture = await readFile(`devices/${name}/capture.bin`);
    // Of the polled one requests too, which begin with the same byte, and are as long.
    const header = name === "winsen-mh-z19" ? "ff" : HEADERS[name];
    expect(guessFixed(capture)?.layout).toEqual({ type: "fixed", header, ...LAYOUTS[name] });
  });

  test.each([300, 1000, 4096])("is known from %d bytes with noise and cut frames", (size) => {
    const { frame } = DEVICES[name] ?? {};
    for (let seed = 1; seed <= (size > 1000 ? 1 : 3); seed++)
      expect({ seed, ...guessFixed(line(frame ?? fail, size, new Dice(seed)))?.layout }).toEqual({
        ...{ seed, type: "fixed", header: HEADERS[name] },
        ...LAYOUTS[name],
      });
  });
});

function fail(): never {
  throw new Error("no such device");
}

const repeated = (count: number, frame: (n: number) => number[]): Buffer =>
  Buffer.from(Array.from({ length: count }, (_, n) => frame(n)).flat());

test("a device without a checksum is known where its frames follow each other", () => {
  const bytes = repeated(40, (n) => [0xa5, 0x5a, 0, n, (n * 7919) & 0xff, 3, 0, 9]);
  expect(guessFixed(bytes)).toMatchObject({
    ...{ frames: 40, bytes: 320 },
    layout: { type: "fixed", header: "a5 5a", length: 8 },
  });
});

test("noise is nothing, of many kinds of bytes or few", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const dice = new Dice(seed);
    const kinds = dice.bytes(dice.pick([256, 256, 16, 6, 4, 2]));
    const size = dice.pick([50, 500, 1500]);
    const bytes = repeated(size, () => [kinds[dice.int(0, kinds.length - 1)] ?? 0]);
    expect({ seed, guess: guessFixed(bytes) }).toEqual({ seed, guess: null });
  }
  expect(guessFixed(new Dice(1).bytes(4096))).toBeNull();
});

test.each([
  ["nothing", Buffer.alloc(0)],
  ["a stuck line", Buffer.alloc(1000, 0x55)],
  ["text", repeated(100, (n) => [...Buffer.from(`T=${20 + (n % 9)} H=${40 + (n % 30)}\r\n`)])],
  ["numbers that count up", repeated(1500, (n) => [n >> 8, n & 0xff])],
  ["four frames", Buffer.concat(Array.from({ length: 4 }, () => pms(new Dice(3))))],
] as const)("%s is no framing", (_, bytes) => {
  expect(guessFixed(bytes)).toBeNull();
});

function pms(dice: Dice): Buffer {
  return DEVICES["plantower-pms5003"]?.frame(dice) ?? fail();
}

/** From valid samples to inputs: broken, cut, spliced, with lengths that lie, and now and then plain noise. */
import { mutateJson } from "./mutate-json.ts";
import type { Random } from "./random.ts";

export type Samples = readonly [Buffer, ...Buffer[]];

const MAX_INPUT_BYTES = 128 * 1024;
const MAX_NOISE_BYTES = 300;
const MAX_STEPS = 4;
/** A repeated range makes an input longer, not endless. */
const MAX_REPEATED_BYTES = 2048;
const MAX_REPEATS = 20;

/** The next input. */
export function mutate(random: Random, samples: Samples): Buffer {
  const sample = random.pick(samples);
  if (random.oneIn(30)) return Buffer.from(sample);
  if (random.oneIn(25)) return random.bytes(random.below(MAX_NOISE_BYTES));
  const json = random.oneIn(2) ? mutateJson(random, sample) : null;
  if (json && !random.oneIn(4)) return clip(json);
  let bytes: Buffer = json ?? Buffer.from(sample);
  for (let steps = 1 + random.below(MAX_STEPS); steps > 0; steps--)
    bytes = random.pick(STEPS)(bytes, random, samples);
  return clip(bytes);
}

type Step = (bytes: Buffer, random: Random, samples: Samples) => Buffer;

const STEPS: readonly [Step, ...Step[]] = [
  flipBit,
  setByte,
  cutEnd,
  cutOut,
  repeatRange,
  insertNoise,
  splice,
  lieAboutLength,
  lieAboutLength,
];

function flipBit(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  return bytes;
}

function setByte(bytes: Buffer, random: Random): Buffer {
  bytes[random.below(bytes.length)] = random.pick([0, 0x7f, 0x80, 0xff, random.below(256)]);
  return bytes;
}

function cutEnd(bytes: Buffer, random: Random): Buffer {
  return bytes.subarray(0, random.below(bytes.length));
}

function cutOut(bytes: Buffer, random: Random): Buffer {
  const { from, to } = range(bytes, random);
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
}

function repeatRange(bytes: Buffer, random: Random): Buffer {
  const { from, to } = range(bytes, random);
  const part = bytes.subarray(from, Math.min(to, from + MAX_REPEATED_BYTES));
  const copies = Array<Buffer>(1 + random.below(MAX_REPEATS)).fill(part);
  return Buffer.concat([bytes.subarray(0, to), ...copies, bytes.subarray(to)]);
}

function insertNoise(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  const noise = random.bytes(1 + random.below(16));
  return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]);
}

/** The beginning of this and the end of another sample. */
function splice(bytes: Buffer, random: Random, samples: Samples): Buffer {
  const other = random.pick(samples);
  return Buffer.concat([
    bytes.subarray(0, random.below(bytes.length + 1)),
    other.subarray(random.below(other.length + 1)),
  ]);
}

const LIES = [
  0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
] as const;

/** Overwrites 1, 2 or 4 bytes with a number that a careless reader of lengths falls over. */
function lieAboutLength(bytes: Buffer, random: Random): Buffer {
  const width = random.pick([1, 2, 4]);
  if (bytes.length < width) return bytes;
  const at = random.below(bytes.length - width + 1);
  const near = random.below(2 * bytes.length + 1) - bytes.length;
  const value = random.oneIn(2) ? near : random.pick(LIES);
  const bits = Buffer.alloc(8);
  bits.writeBigInt64BE(BigInt(value));
  bits.copy(bytes, at, 8 - width);
  return bytes;
}

function range(bytes: Buffer, random: Random): { from: number; to: number } {
  const from = random.below(bytes.length);
  return { from, to: from + random.below(bytes.length - from + 1) };
}

function clip(bytes: Buffer): Buffer {
  return bytes.subarray(0, MAX_INPUT_BYTES);
}

/**
 * Lines on which much goes wrong. Whatever is emitted is a reading that a device made, and every frame that nothing happened
 * to is emitted; the exceptions are those that are named here, and no others.
 */
import { describe, expect, test } from "vitest";
import { decoderOf, framerOf, loadProfile } from "../../agent/device/profile/profile.ts";
import { DEVICES, type Device, Dice } from "./damage.ts";

const LINES = 500;

/** What happened to a frame, and whether it is still there as it was sent. */
interface Piece {
  readonly bytes: Buffer;
  readonly isWhole: boolean;
}

type Damage = (frame: Buffer, device: Device, dice: Dice) => Piece;

const whole = (bytes: Buffer): Piece => ({ bytes, isWhole: true });
const broken = (bytes: Buffer): Piece => ({ bytes, isWhole: false });

const LINE_END = Buffer.from("\r\n");

const none: Damage = (frame) => whole(frame);
const cutOff: Damage = (frame, _, dice) => broken(frame.subarray(0, dice.int(1, frame.length - 1)));
const withoutBeginning: Damage = (frame, _, dice) =>
  broken(frame.subarray(dice.int(1, frame.length - 1)));
const wrongBit: Damage = (frame, _, dice) => {
  const bytes = Buffer.from(frame);
  const at = dice.int(0, frame.length - 1);
  bytes[at] = (frame[at] ?? 0) ^ (1 << dice.int(0, 7));
  return broken(bytes);
};
const doubledByte: Damage = (frame, _, dice) => {
  const at = dice.int(0, frame.length - 1);
  return broken(Buffer.concat([frame.subarray(0, at + 1), frame.subarray(at)]));
};
const behindNoise: Damage = (frame, _, dice) =>
  whole(Buffer.concat([dice.bytes(dice.int(1, 40)), frame]));
const behindBeginning: Damage = (frame, { beginning }, dice) => {
  const begun = beginning.subarray(0, dice.int(1, beginning.length));
  return whole(Buffer.concat([begun, dice.bytes(dice.int(0, 6)), frame]));
};
const withoutLineEnd: Damage = (frame) => {
  const end = frame.length - (frame.subarray(-2).equals(LINE_END) ? 2 : 0);
  return whole(frame.subarray(0, end));
};

const GUARDED: readonly Damage[] = [
  ...[cutOff, withoutBeginning, wrongBit, doubledByte],
  ...[behindNoise, behindBeginning, withoutLineEnd],
];

/**
 * No checksum tells a wrong byte in a text or a number, nor that the beginning of one object and the end of another, with
 * no line's end between, are not one. An object behind one that was cut at a colon or a comma is not read, nor one that such
 * a sign follows: it may have lain in another.
 */
const JSON_DAMAGES: readonly Damage[] = [
  behindNoise,
  withoutLineEnd,
  (frame, device, dice) => {
    const { bytes } = cutOff(frame, device, dice);
    return /[:,[]$/.test(bytes.toString()) ? broken(bytes.subarray(0, -1)) : broken(bytes);
  },
  (frame, device, dice) => {
    const { bytes } = withoutBeginning(frame, device, dice);
    return broken(Buffer.concat([LINE_END, bytes]));
  },
  (frame, device, dice) => {
    const { bytes } = behindBeginning(frame, device, dice);
    return whole(Buffer.concat([bytes.subarray(0, -frame.length), Buffer.from("#"), frame]));
  },
];

/** Nor does one here; and a line holds what it holds: only lines that have lost a column, and noise in lines of its own. */
const CSV_DAMAGES: readonly Damage[] = [
  (frame, _, dice) => {
    const lastComma = frame.lastIndexOf(",");
    return broken(Buffer.concat([frame.subarray(0, dice.int(1, lastComma)), LINE_END]));
  },
  (frame, _, dice) => broken(frame.subarray(dice.int(frame.indexOf(",") + 1, frame.length - 1))),
  (frame, _, dice) => whole(Buffer.concat([dice.bytes(dice.int(1, 40)), LINE_END, frame])),
  (frame, _, dice) => {
    const at = dice.int(0, frame.length - 3);
    return broken(
      Buffer.concat([frame.subarray(0, at), Buffer.of(dice.int(128, 255)), frame.subarray(at)]),
    );
  },
];

function damagesOf(name: string): readonly Damage[] {
  if (name === "json-lines") return JSON_DAMAGES;
  return name === "csv-lines" ? CSV_DAMAGES : GUARDED;
}

describe.each(Object.entries(DEVICES))("%s", (name, device) => {
  test("emits nothing that was not sent, and everything that nothing happened to", async () => {
    const profile = await loadProfile(name);
    const decodeAll = (bytes: Buffer, sizes?: Dice): string[] => {
      const framer = framerOf(profile);
      const decode = decoderOf(profile);
      const frames = [];
      for (let from = 0; from < bytes.length; ) {
        const size = sizes ? sizes.int(1, 12) : bytes.length;
        frames.push(...framer.push(bytes.subarray(from, from + size)));
        from += size;
      }
      return [...frames, ...framer.flush()]
        .map((frame) => decode(frame.bytes))
        .filter((records) => records !== null && records.length > 0)
        .map((records) => JSON.stringify(records));
    };
    const readingOf = (frame: Buffer): string =>
      decodeAll(Buffer.concat([device.request ?? Buffer.alloc(0), frame]))[0] ?? "";
    const wrong: string[] = [];
    const lost: string[] = [];
    let wholes = 0;
    for (let seed = 1; seed <= LINES; seed++) {
      const dice = new Dice(seed);
      const sent: string[] = [];
      const wanted: string[] = [];
      const parts: Buffer[] = [];
      for (let count = dice.int(4, 8); count > 0; count--) {
        const frame = device.frame(dice);
        // The first are whole: of some a decoder learns what is usual.
        const damage = parts.length < 4 ? none : dice.pick([none, none, ...damagesOf(name)]);
        const { bytes, isWhole } = damage(frame, device, dice);
        const reading = readingOf(frame);
        sent.push(reading);
        if (isWhole) wanted.push(reading);
        parts.push(device.request ?? Buffer.alloc(0), bytes);
      }
      const line = Buffer.concat(parts);
      const got = decodeAll(line);
      expect(decodeAll(line, dice)).toEqual(got);
      const told = JSON.stringify(line.toString("latin1"));
      wholes += wanted.length;
      for (const reading of got) if (!sent.includes(reading)) wrong.push(`${reading} in ${told}`);
      for (const reading of wanted) if (!got.includes(reading)) lost.push(`${reading} in ${told}`);
    }
    expect(wholes).toBeGreaterThan(LINES);
    expect({ lost: lost.slice(0, 3), wrong: wrong.slice(0, 3) }).toEqual({ lost: [], wrong: [] });
  });
});

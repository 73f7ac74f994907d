/** What bytes may be that no profile reads, by their look alone: text in lines, or frames whose ends or checksums fit. */
import { CobsFramer } from "../framing/cobs.ts";
import type { Framer } from "../framing/framer.ts";
import { LineFramer } from "../framing/lines.ts";
import { hasCrc } from "../framing/modbus-message.ts";
import { SlipFramer } from "../framing/slip.ts";
import { textOf } from "../profile/field.ts";
import type { Guess } from "./guess.ts";

/** Fewer are chance. */
const LEAST_FRAMES = 2;
const LEAST_CRC_BYTES = 5;
const MOST_CRC_BYTES = 64;
/** Noise makes short frames of any kind, and long ones: what ends a frame comes once in 256 bytes of it. */
const LEAST_BYTES = 3;
const LONGEST_BYTES = 96;

/** The likeliest framing of `bytes`; null where nothing looks like one. Its profile is yet to be written. */
export function guessFraming(bytes: Buffer): Guess | null {
  const isText = (frame: Buffer): boolean => textOf(frame) !== null;
  const isLong = (frame: Buffer): boolean => frame.length >= LEAST_BYTES;
  const guesses = [
    read("lines", new LineFramer(), bytes, (frame) => isText(frame) && isLong(frame)),
    read("slip", new SlipFramer({ maxBytes: LONGEST_BYTES }), bytes, isLong),
    read("cobs", new CobsFramer({ maxBytes: LONGEST_BYTES }), bytes, isLong),
    readCrc(bytes),
  ];
  return (
    guesses.filter(({ frames }) => frames >= LEAST_FRAMES).sort((a, b) => b.bytes - a.bytes)[0] ??
    null
  );
}

function read(
  framing: string,
  framer: Framer,
  bytes: Buffer,
  isRight: (frame: Buffer) => boolean,
): Guess {
  const right = framer.push(bytes).filter((frame) => isRight(frame.bytes));
  const taken = right.reduce((sum, { size }) => sum + size, 0);
  return { profile: null, framing, frames: right.length, bytes: taken };
}

/** Stretches with a right CRC-16 of Modbus at their end, the shortest from each place on: its messages, and much else. */
function readCrc(bytes: Buffer): Guess {
  const guess = { profile: null, framing: "modbus-rtu", frames: 0, bytes: 0 };
  for (let at = 0; at + LEAST_CRC_BYTES <= bytes.length; ) {
    const longest = Math.min(MOST_CRC_BYTES, bytes.length - at);
    let size = LEAST_CRC_BYTES;
    while (size <= longest && !hasCrc(bytes, at, size)) size++;
    const isRight = size <= longest;
    if (isRight) guess.frames++;
    if (isRight) guess.bytes += size;
    at += isRight ? size : 1;
  }
  return guess;
}

/** Frames as the shipped profiles' devices send them, with random content, and what may happen to them on a line. */
import { checksumOf } from "../../agent/device/framing/checksum.ts";
import { encodeRead } from "../../agent/device/framing/modbus-message.ts";

/** A generator of numbers that gives the same ones for the same seed (xorshift). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed * 2_654_435_761 || 1;
  }

  /** From `min` up to and with `max`. */
  int(min: number, max: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return min + Math.floor(((this.#state >>> 0) / 2 ** 32) * (max - min + 1));
  }

  pick<T>(list: readonly [T, ...T[]]): T {
    return list[this.int(0, list.length - 1)] ?? list[0];
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.int(0, 255)));
  }
}

export interface Device {
  /** A frame with a reading; for a device that is asked, the answer. */
  readonly frame: (dice: Dice) => Buffer;
  /** What a frame begins with: noise that looks like one. */
  readonly beginning: Buffer;
  /** What is asked before each answer, where that matters. */
  readonly request?: Buffer;
}

function sds011(dice: Dice): Buffer {
  const frame = Buffer.from("aac00000000000000000", "hex");
  frame.writeUInt16LE(dice.int(0, 9999), 2);
  frame.writeUInt16LE(dice.int(0, 9999), 4);
  dice.bytes(2).copy(frame, 6);
  frame[8] = checksumOf("sum8", frame, 2, 8);
  frame[9] = 0xab;
  return frame;
}

function mhZ19(dice: Dice): Buffer {
  const frame = Buffer.from("ff8600000000000000", "hex");
  frame.writeUInt16BE(dice.int(350, 5000), 2);
  frame[4] = 40 + dice.int(5, 45);
  dice.bytes(3).copy(frame, 5);
  frame[8] = checksumOf("negative-sum8", frame, 1, 8);
  return frame;
}

function pms5003(dice: Dice): Buffer {
  const frame = Buffer.alloc(32);
  frame.set([0x42, 0x4d, 0, 28]);
  const isClean = dice.int(0, 9) === 0;
  for (let at = 4; at < 28; at += 2) frame.writeUInt16BE(isClean ? 0 : dice.int(0, 2000), at);
  frame.set([0x97, 0], 28);
  frame.writeUInt16BE(checksumOf("sum16", frame, 0, 30), 30);
  return frame;
}

function nmea(dice: Dice): Buffer {
  const pad = (value: number, digits: number): string => String(value).padStart(digits, "0");
  const minutes = (): string => `${pad(dice.int(0, 59), 2)}.${pad(dice.int(0, 99_999), 5)}`;
  const lat = `${pad(dice.int(0, 89), 2)}${minutes()},${dice.pick(["N", "S"])}`;
  const lon = `${pad(dice.int(0, 179), 3)}${minutes()},${dice.pick(["E", "W"])}`;
  const talker = dice.pick(["GP", "GN", "GL", "GA"]);
  const text = dice.pick([
    `${talker}RMC,123519.00,A,${lat},${lon},${dice.int(0, 30)}.4,${dice.int(0, 359)}.5,291126,,,A`,
    `${talker}GGA,123519,${lat},${lon},1,08,0.9,${dice.int(-50, 4000)}.4,M,46.9,M,,`,
  ]);
  const body = Buffer.from(text);
  const sum = checksumOf("xor8", body, 0, body.length).toString(16).toUpperCase().padStart(2, "0");
  return Buffer.from(`$${text}*${sum}\r\n`);
}

function modbusAnswer(unit: number, code: number, floats: readonly number[]): Buffer {
  const body = Buffer.alloc(3 + 4 * floats.length);
  body.set([unit, code, 4 * floats.length]);
  for (const [i, value] of floats.entries()) body.writeFloatBE(value, 3 + 4 * i);
  const crc = Buffer.alloc(2);
  crc.writeUInt16LE(checksumOf("crc16-modbus", body, 0, body.length));
  return Buffer.concat([body, crc]);
}

const scd30 = (dice: Dice): Buffer =>
  modbusAnswer(0x61, 3, [dice.int(300, 5000), dice.int(-200, 500) / 10, dice.int(0, 100)]);
const sdm120 = (dice: Dice): Buffer =>
  modbusAnswer(1, 4, [dice.int(0, 1e6) / 100, dice.int(0, 1e6) / 100]);

/** By the profile's name. */
export const DEVICES: Readonly<Record<string, Device>> = {
  "nova-sds011": { frame: sds011, beginning: Buffer.from("aac0", "hex") },
  "winsen-mh-z19": { frame: mhZ19, beginning: Buffer.from("ff86", "hex") },
  "plantower-pms5003": { frame: pms5003, beginning: Buffer.from("424d001c", "hex") },
  "nmea-gps": { frame: nmea, beginning: Buffer.from("$GPRMC,") },
  "sensirion-scd30": { frame: scd30, beginning: Buffer.from("61030c", "hex") },
  "eastron-sdm120": {
    frame: sdm120,
    beginning: Buffer.from("010408", "hex"),
    request: encodeRead(1, { function: 4, register: 0x156, count: 4 }),
  },
  "json-lines": {
    frame: (dice) =>
      Buffer.from(
        `{"temp":${dice.int(-400, 850) / 10},"seq":${dice.int(0, 1e9)},"net":{"rssi":-70},"state":"ok"}\r\n`,
      ),
    beginning: Buffer.from('{"temp":'),
  },
  "csv-lines": {
    frame: (dice) =>
      Buffer.from(
        `${dice.int(-400, 850) / 10},${dice.int(0, 1000) / 10},${dice.int(9000, 11_000) / 10}\r\n`,
      ),
    beginning: Buffer.from("21."),
  },
};

import { describe, expect, test } from "vitest";
import { checksumOf } from "../../../../agent/device/framing/checksum.ts";
import type { Drop } from "../../../../agent/device/framing/framer.ts";
import { ModbusFramer } from "../../../../agent/device/framing/modbus.ts";
import { encodeRead } from "../../../../agent/device/framing/modbus-message.ts";

const reads = [
  { function: 4, register: 0x00, count: 4 },
  { function: 4, register: 0x10, count: 2 },
] as const;

function message(...bytes: number[]): Buffer {
  const body = Buffer.from(bytes);
  const crc = Buffer.alloc(2);
  crc.writeUInt16LE(checksumOf("crc16-modbus", body, 0, body.length));
  return Buffer.concat([body, crc]);
}

const request = (register: number, count: number) =>
  encodeRead(1, { function: 4, register, count });
const answer = (...words: number[]) =>
  message(1, 4, 2 * words.length, ...words.flatMap((word) => [word >> 8, word & 255]));

/** What comes out, as `register: content`; a refused answer as `refused`. */
function hear(...parts: readonly Buffer[]): string[] {
  const heard: string[] = [];
  const onDrop = ({ reason }: Drop): void => void (reason === "refused" && heard.push(reason));
  const framer = new ModbusFramer({ unit: 1, reads: [...reads] }, onDrop);
  const line = Buffer.concat(parts);
  for (const { bytes } of [...framer.push(line), ...framer.flush()])
    heard.push(`${bytes.readUInt16BE(1)}: ${bytes.toString("hex", 3)}`);
  return heard;
}

const noise = (length: number) => Buffer.alloc(length, 0x55);

describe("ModbusFramer", () => {
  test("an answer is of the request before it, also of one that the profile does not make", () => {
    expect(hear(request(0x20, 2), answer(1, 2), request(0x10, 2), answer(3, 4))).toEqual([
      "32: 00010002",
      "16: 00030004",
    ]);
  });

  test("without a request its length tells, if it can", () => {
    expect(hear(answer(1, 2), answer(1, 2, 3, 4))).toEqual(["16: 00010002", "0: 0001000200030004"]);
    expect(hear(answer(1))).toEqual(["refused"]);
  });

  test("a request is answered once", () => {
    expect(hear(request(0x20, 1), answer(7), answer(8))).toEqual(["refused", "32: 0007"]);
  });

  test("noise in front of the answer does not matter", () => {
    for (const length of [1, 7, 12, 20, 100])
      expect(hear(request(0x20, 1), noise(length), answer(7))).toEqual(["32: 0007"]);
  });

  test("more than any message may have been many of them", () => {
    expect(hear(request(0x20, 1), noise(257), answer(7))).toEqual(["refused"]);
  });

  const [asked, next] = [request(0x20, 2), request(0x30, 2)];

  test("what is left of the next request says that the answer is not of the first", () => {
    for (let at = 0; at < next.length; at++)
      for (const bits of [0x01, 0x80, 0xff])
        for (const other of [at, (at + 3) % next.length]) {
          const damaged = Buffer.from(next);
          for (const place of new Set([at, other])) damaged[place] = (next[place] ?? 0) ^ bits;
          expect(hear(asked, damaged, answer(3, 4)), damaged.toString("hex")).toEqual(["refused"]);
        }
    for (let at = 1; at < next.length; at++)
      expect(hear(asked, next.subarray(0, at), answer(3, 4)), `cut at ${at}`).toEqual(["refused"]);
    for (let at = 1; at < 5; at++)
      expect(hear(asked, next.subarray(at), answer(3, 4)), `from ${at}`).toEqual(["refused"]);
  });

  test("so does what is left of the first one's answer", () => {
    const whole = answer(1, 2);
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] = (whole[at] ?? 0) ^ 0x55;
      expect(hear(asked, damaged, answer(3, 4)), damaged.toString("hex")).toEqual(["refused"]);
      if (at > 0) expect(hear(asked, whole.subarray(0, at), answer(3, 4))).toEqual(["refused"]);
    }
  });

  test("after an exception nothing is asked any more", () => {
    expect(hear(asked, message(1, 0x84, 2), answer(3, 4))).toEqual(["refused", "refused"]);
  });

  test("where somebody asks otherwise than the profile, lengths tell nothing", () => {
    expect(hear(asked, answer(1, 2), answer(3, 4))).toEqual(["refused", "32: 00010002"]);
  });

  test("an exception is heard and refused; so is what another function answers", () => {
    expect(hear(request(0x10, 2), message(1, 0x84, 2), answer(3, 4))).toEqual([
      "refused",
      "16: 00030004",
    ]);
    expect(hear(request(0x10, 2), message(1, 3, 4, 0, 1, 0, 2))).toEqual(["refused"]);
  });

  test("other units, writes and what comes of them are no frames", () => {
    const write = message(1, 6, 0, 0x36, 0, 0);
    expect(hear(write, write, message(2, 4, 4, 0, 1, 0, 2), answer(1, 2))).toEqual([
      "16: 00010002",
    ]);
  });

  test("what the agent asks itself is told", () => {
    const framer = new ModbusFramer({ unit: 1, reads: [...reads] });
    framer.expect(request(0x30, 1));
    expect(framer.push(answer(9)).map(({ bytes }) => bytes.toString("hex"))).toEqual([
      "0400300009",
    ]);
  });
});

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

  test("a little noise in front of the answer does not matter", () => {
    expect(hear(request(0x20, 1), noise(12), answer(7))).toEqual(["32: 0007"]);
  });

  test("as much as the answer and the next request may have been these", () => {
    expect(hear(request(0x20, 1), noise(15), answer(7))).toEqual(["refused"]);
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

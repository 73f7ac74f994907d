import { describe, expect, test } from "vitest";
import { checksumOf } from "../../../../agent/device/framing/checksum.ts";
import { NmeaFramer } from "../../../../agent/device/framing/nmea.ts";

function sentence(text: string): string {
  const bytes = Buffer.from(text);
  const sum = checksumOf("xor8", bytes, 0, bytes.length).toString(16).padStart(2, "0");
  return `$${text}*${sum.toUpperCase()}`;
}

const [first, second] = ["GPRMC,1", "GPGGA,2"] as const;

function hear(line: string): string[] {
  const framer = new NmeaFramer();
  const frames = Array.from(Buffer.from(line, "latin1"), (byte) => framer.push(Buffer.of(byte)));
  return [...frames.flat(), ...framer.flush()].map(({ bytes }) => bytes.toString());
}

describe("NmeaFramer", () => {
  test.each(["\r\n", "\n", "\r", "\r\r\n", " \r\n", "\u0000\xff\r\n", "\x8d\n", "0\r\n", ""])(
    "a right checksum is the end, with %j behind it",
    (end) => {
      const line = `${sentence(first)}${end}${sentence(second)}${end}`;
      expect(hear(line)).toEqual([first, second]);
    },
  );

  test("a sentence without its checksum, or with another, is none", () => {
    expect(hear(`$${first}\r\n${sentence(second)}\r\n`)).toEqual([second]);
    expect(hear(`$${first}*0\r\n${sentence(second)}\r\n`)).toEqual([second]);
    expect(hear(`$${first}*00\r\n${sentence(second)}\r\n`)).toEqual([second]);
  });
});

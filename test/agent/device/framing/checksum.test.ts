import { expect, test } from "vitest";
import { CHECKSUM_NAMES, checksumOf } from "../../../../agent/device/framing/checksum.ts";

/** The check values of the CRC catalogue, over "123456789"; the sums by hand. */
const CHECK = {
  sum8: 0xdd,
  "negative-sum8": 0x23,
  xor8: 0x31,
  sum16: 0x1dd,
  crc8: 0xf4,
  "crc8-sensirion": 0xf7,
  "crc16-modbus": 0x4b37,
  "crc16-ccitt": 0x29b1,
  "crc16-xmodem": 0x31c3,
};

test.each(CHECKSUM_NAMES)("%s", (name) => {
  const bytes = Buffer.from("<123456789>");
  expect(checksumOf(name, bytes, 1, 10)).toBe(CHECK[name]);
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pad, paddedLength, unpad } from "../../../../core/scheme/record/padding.ts";

const badRecord = expect.objectContaining({ code: "BAD_RECORD" });
const tooLarge = expect.objectContaining({ code: "TOO_LARGE" });

describe("padding", () => {
  it.each([
    [0, 32],
    [31, 32],
    [32, 64],
    [63, 64],
    [64, 128],
    [127, 128],
    [128, 256],
    [65_535, 65_536],
  ])("brings %i bytes to %i", (length, padded) => {
    expect(paddedLength(length)).toBe(padded);
    expect(pad(Buffer.alloc(length, 1))).toHaveLength(padded);
  });

  it("ends at 64 KiB", () => {
    expect(() => paddedLength(65_536)).toThrow(tooLarge);
    expect(() => pad(Buffer.alloc(65_536))).toThrow(tooLarge);
  });

  it("comes off again, whatever the plaintext ends with", () => {
    const ending = fc.constantFrom(
      Buffer.alloc(0),
      Buffer.of(0),
      Buffer.of(0x80),
      Buffer.of(0x80, 0),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), ending, (bytes, end) => {
        const plaintext = Buffer.concat([bytes, end]);
        expect(unpad(pad(plaintext))).toEqual(plaintext);
      }),
    );
  });

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["zeros only", Buffer.alloc(32)],
    ["another mark", Buffer.concat([Buffer.of(0x81), Buffer.alloc(31)])],
    ["a byte after the mark", Buffer.concat([Buffer.alloc(30, 7), Buffer.of(0x80, 1)])],
    ["more zeros than needed", Buffer.concat([Buffer.of(0x80), Buffer.alloc(63)])],
    ["a length of no padding", Buffer.concat([Buffer.of(0x80), Buffer.alloc(32)])],
  ])("is refused when it is %s", (_, padded) => {
    expect(() => unpad(padded)).toThrow(badRecord);
  });
});

/** What a sum of 8 bits lets pass: frames that were cut off, with a whole one behind them. */
import { describe, expect, test } from "vitest";
import { checksumOf } from "../../../../agent/device/framing/checksum.ts";
import { FixedFramer } from "../../../../agent/device/framing/fixed.ts";
import type { Drop, FramerOptions } from "../../../../agent/device/framing/framer.ts";

const layout = {
  header: Buffer.from("ff86", "hex"),
  length: 9,
  checksum: { type: "negative-sum8", endian: "big", at: 8, from: 1, to: 8 },
} as const;

function frameOf(...content: readonly number[]): Buffer {
  const frame = Buffer.from([0xff, 0x86, ...content, 0]);
  frame[8] = checksumOf("negative-sum8", frame, 1, 8);
  return frame;
}

function hear(options: FramerOptions, ...parts: readonly Buffer[]): string[] {
  const framer = new FixedFramer(layout, options);
  const line = Buffer.concat(parts);
  const frames = Array.from(line, (byte) => framer.push(Buffer.of(byte))).flat();
  return [...frames, ...framer.flush()].map(({ bytes }) => bytes.toString("hex"));
}

/** The first bytes of a frame that, with the beginning of `next` behind them, have the right sum. */
function cutOff(next: Buffer, length: number): Buffer {
  for (let value = 0; value < 256; value++) {
    const start = Buffer.concat([Buffer.from("ff860200000000", "hex"), Buffer.of(value)]);
    const cut = Buffer.concat([start.subarray(0, 2), start.subarray(-(length - 2))]);
    const passing = Buffer.concat([cut, next]).subarray(0, 9);
    if (checksumOf("negative-sum8", passing, 1, 8) === passing[8]) return cut;
  }
  throw new Error("there is none");
}

describe("FixedFramer", () => {
  const whole = frameOf(1, 2, 3, 4, 5, 6);

  test.each([3, 4, 5, 6, 7])(
    "a frame cut after %d bytes does not take the next one with it, even if its sum is right",
    (length) => {
      expect(hear({}, cutOff(whole, length), whole)).toEqual([whole.toString("hex")]);
    },
  );

  test("nor does it take a request with it", () => {
    const request = Buffer.from("ff0186000000000079", "hex");
    const line = [cutOff(request, 5), request, whole];
    expect(hear({ requests: [request] }, ...line)).toEqual([whole.toString("hex")]);
  });

  test("the header may be part of what a frame says", () => {
    const telling = frameOf(0xff, 0x86, 3, 4, 0xff, 0x86);
    const line = [telling, telling, whole];
    expect(hear({}, ...line)).toEqual(line.map((frame) => frame.toString("hex")));
  });

  test("a frame whose end may begin another waits for the next byte, and no longer", () => {
    const framer = new FixedFramer(layout);
    const telling = frameOf(0, 0, 0, 0, 0, 0x7b);
    expect(telling[8]).toBe(0xff);
    expect(framer.push(telling)).toEqual([]);
    expect(framer.push(Buffer.of(0xff))).toHaveLength(1);
    expect(framer.push(telling.subarray(1))).toEqual([]);
    expect(framer.flush()).toHaveLength(1);
  });

  test("one that is refused for what it says hides no other, and is told as such", () => {
    const drops: Drop[] = [];
    const accept = (bytes: Buffer): boolean => bytes[2] !== 7;
    const framer = new FixedFramer(layout, { accept, onDrop: (drop) => drops.push(drop) });
    const refused = frameOf(7, 0, 0, 0, 0, 0);
    const hiding = cutOff(whole, 5);
    hiding[2] = 7;
    const frames = framer.push(Buffer.concat([refused, whole, hiding, whole]));
    expect([...frames, ...framer.flush()].map(({ offset }) => offset)).toEqual([9, 23]);
    expect(drops.map(({ reason }) => reason)).toEqual(["implausible", "damaged"]);
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Drop, Frame, Part } from "../../../../agent/device/framing/framer.ts";
import { LineFramer } from "../../../../agent/device/framing/lines.ts";

function texts(frames: readonly Frame[]): string[] {
  return frames.map(({ bytes }) => bytes.toString("latin1"));
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let from = 0;
  for (const size of sizes) {
    chunks.push(bytes.subarray(from, from + size));
    from += size;
  }
  return [...chunks, bytes.subarray(from)];
}

describe("LineFramer", () => {
  test("ends a line with \\n or \\r\\n, leaves blank lines out, and says where each began", () => {
    const frames = new LineFramer().push(Buffer.from("one\ntwo\r\n\r\n\nth\rree\r\r\nrest"));
    expect(texts(frames)).toEqual(["one", "two", "th\rree\r"]);
    expect(frames.map(({ offset }) => offset)).toEqual([0, 4, 12]);
  });

  test("a line may be as long as the bound; one more and it is dropped and counted", () => {
    for (const end of ["\n", "\r\n"]) {
      const framer = new LineFramer({ maxBytes: 5 });
      const frames = framer.push(Buffer.from(`12345${end}123456${end}abc${end}`));
      expect(texts(frames)).toEqual(["12345", "abc"]);
      expect(framer.dropped).toEqual({ frames: 1, bytes: 5 + end.length });
    }
  });

  test("a line without end is linear work in bounded memory", () => {
    const framer = new LineFramer();
    const chunk = Buffer.alloc(1024, "x");
    const startMs = performance.now();
    let frames = 0;
    for (let i = 0; i < 64 * 1024; i++) frames += framer.push(chunk).length;
    expect(frames).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect(texts(framer.push(Buffer.from("\nback\n")))).toEqual(["back"]);
    expect(framer.dropped).toEqual({ frames: 1, bytes: 64 * 2 ** 20 });
  });

  test("after a reset nothing of the old connection is left", () => {
    const framer = new LineFramer();
    framer.push(Buffer.from("21"));
    framer.reset();
    const [frame] = framer.push(Buffer.from(".5\n"));
    expect(frame).toEqual({ bytes: Buffer.from(".5"), offset: 0, size: 3 });
    expect(framer.dropped).toEqual({ frames: 1, bytes: 2 });
  });

  test("frames do not change with the chunk they came from", () => {
    const chunk = Buffer.from("one\n");
    const [frame] = new LineFramer().push(chunk);
    chunk.fill(0);
    expect(frame?.bytes.toString()).toBe("one");
  });

  test("what is whole by itself needs no line end: at the end, or with another behind it", () => {
    const partsOf = (line: Buffer): Part[] =>
      Array.from(line.toString("latin1").matchAll(/<\w+>/g), ({ index, 0: { length } }) => ({
        from: index,
        to: index + length,
      }));
    const drops: Drop[] = [];
    const framer = new LineFramer({}, { partsOf, onDrop: (drop) => drops.push(drop) });
    expect(framer.push(Buffer.from("one\n<two><three>\n-<four>\n<five>x<s"))).toEqual([
      { bytes: Buffer.from("one"), offset: 0, size: 4 },
      { bytes: Buffer.from("<two>"), offset: 4, size: 5 },
      { bytes: Buffer.from("<three>"), offset: 9, size: 7 },
      { bytes: Buffer.from("-<four>"), offset: 17, size: 8 },
    ]);
    expect(framer.flush()).toEqual([{ bytes: Buffer.from("<five>"), offset: 25, size: 6 }]);
    framer.push(Buffer.from("six>"));
    expect(framer.flush()).toEqual([]);
    expect(drops).toEqual([{ offset: 34, bytes: 4, reason: "unfinished" }]);
  });

  const noisyBytes = fc
    .array(fc.constantFrom(0x0a, 0x0d, 0x61, 0x62, 0xff), { maxLength: 200 })
    .map((bytes) => Buffer.from(bytes));

  test("however the bytes are cut, the frames and the counts are the same", () => {
    fc.assert(
      fc.property(
        noisyBytes,
        fc.array(fc.nat(20), { maxLength: 60 }),
        fc.integer({ min: 1, max: 12 }),
        (bytes, sizes, maxBytes) => {
          const whole = new LineFramer({ maxBytes });
          const expected = whole.push(bytes);
          for (const chunks of [cut(bytes, sizes), cut(bytes, Array(bytes.length).fill(1))]) {
            const framer = new LineFramer({ maxBytes });
            expect(chunks.flatMap((chunk) => framer.push(chunk))).toEqual(expected);
            framer.reset();
            whole.reset();
            expect(framer.dropped).toEqual(whole.dropped);
          }
        },
      ),
    );
  });

  test("every byte of a line is in a frame or counted", () => {
    fc.assert(
      fc.property(noisyBytes, fc.integer({ min: 1, max: 12 }), (bytes, maxBytes) => {
        const framer = new LineFramer({ maxBytes });
        const frames = framer.push(bytes);
        framer.reset();
        const lines = bytes.toString("latin1").split("\n");
        const wanted = lines.slice(0, -1).map((line) => line.replace(/\r$/, ""));
        const short = wanted.filter((line) => line.length > 0 && line.length <= maxBytes);
        const long = lines.slice(0, -1).filter((_, i) => (wanted[i]?.length ?? 0) > maxBytes);
        const rest = lines.at(-1) ?? "";
        expect(texts(frames)).toEqual(short);
        expect(framer.dropped).toEqual({
          frames: long.length + (rest === "" ? 0 : 1),
          bytes: long.join("").length + rest.length,
        });
      }),
    );
  });
});

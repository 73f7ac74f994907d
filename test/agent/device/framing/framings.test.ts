/** What holds for every framing: whole frames in, the same out, whatever noise lies between and however it is cut. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Drop, Frame, Framer } from "../../../../agent/device/framing/framer.ts";
import { FRAMINGS, type FramingCase } from "./framings.ts";

interface Run {
  readonly frames: readonly Frame[];
  readonly drops: readonly Drop[];
  readonly framer: Framer;
}

function run({ create }: FramingCase, chunks: readonly Buffer[]): Run {
  const drops: Drop[] = [];
  const framer = create((drop) => drops.push(drop));
  const frames = [...chunks.flatMap((chunk) => framer.push(chunk)), ...framer.flush()];
  return { frames, drops, framer };
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  let from = 0;
  const chunks = sizes.map((size) => {
    from += size;
    return bytes.subarray(from - size, from);
  });
  return [...chunks, bytes.subarray(from)];
}

const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

describe.each(FRAMINGS)("$name", (framing) => {
  const frame = bytes(40).map(framing.contentOf);
  /** Noise in which no frame seems to begin that would swallow the next: that is for the test below. */
  const noise = fc.oneof(
    fc.constant(Buffer.alloc(0)),
    bytes(30).map((random) => Buffer.concat([random, framing.afterNoise])),
  );
  const stream = fc.array(fc.record({ noise, frame }), { maxLength: 8 });

  test("every frame is found between noise, in order, and nothing else", () => {
    fc.assert(
      fc.property(stream, noise, (parts, tail) => {
        const line = Buffer.concat([
          ...parts.flatMap(({ noise, frame }) => [noise, framing.encode(frame)]),
          tail,
        ]);
        const { frames } = run(framing, [line]);
        const found = frames.map(({ bytes }) => framing.unpack(bytes).toString("hex"));
        const wanted = parts.map(({ frame }) => frame.toString("hex"));
        if (framing.name !== "lines") {
          expect(found).toEqual(wanted);
          return;
        }
        // A line cannot be told from noise that ends with a newline.
        let next = 0;
        for (const hex of found) if (hex === wanted[next]) next++;
        expect(next).toBe(wanted.length);
      }),
    );
  });

  test("a frame behind one that breaks off is found", () => {
    fc.assert(
      fc.property(frame, frame, fc.nat(60), (broken, whole, at) => {
        const start = framing.encode(broken);
        const part = start.subarray(0, Math.min(at, start.length - 1));
        const line = Buffer.concat([part, framing.afterNoise, framing.encode(whole)]);
        const { frames } = run(framing, [line]);
        const last = frames.at(-1);
        expect(last && framing.unpack(last.bytes)).toEqual(whole);
      }),
    );
  });

  test("however the bytes are cut, the frames, the counts and the stretches are the same", () => {
    const mess = fc.array(fc.oneof(frame.map(framing.encode), bytes(20)), { maxLength: 8 });
    fc.assert(
      fc.property(mess, fc.array(fc.nat(20), { maxLength: 40 }), (parts, sizes) => {
        const line = Buffer.concat(parts);
        const whole = run(framing, [line]);
        for (const chunks of [cut(line, sizes), Array.from(line, (byte) => Buffer.of(byte))]) {
          const pieces = run(framing, chunks);
          expect(pieces.frames).toEqual(whole.frames);
          expect(pieces.drops).toEqual(whole.drops);
          expect(pieces.framer.dropped).toEqual(whole.framer.dropped);
        }
      }),
    );
  });

  test("the stretches add up to the counts, and none lies in a frame", () => {
    const mess = fc.array(fc.oneof(frame.map(framing.encode), bytes(20)), { maxLength: 8 });
    fc.assert(
      fc.property(mess, (parts) => {
        const line = Buffer.concat(parts);
        const { frames, drops, framer } = run(framing, [line]);
        const total = drops.reduce((sum, drop) => sum + drop.bytes, 0);
        expect(framer.dropped).toEqual({ frames: drops.length, bytes: total });
        const taken = [...drops.map((d) => ({ ...d, size: d.bytes })), ...frames];
        const sorted = taken.sort((a, b) => a.offset - b.offset);
        for (const [i, { offset, size }] of sorted.entries())
          expect(offset + size).toBeLessThanOrEqual(sorted[i + 1]?.offset ?? line.length);
      }),
    );
  });

  test("a mebibyte without a frame is little work, and is not held", () => {
    for (const fill of [0x00, 0x07, 0x24, 0x41, 0xaa, 0xdb, 0xff]) {
      const framer = framing.create();
      const before = process.cpuUsage();
      for (let i = 0; i < 1024; i++) framer.push(Buffer.alloc(1024, fill));
      const { user } = process.cpuUsage(before);
      expect(user / 1000).toBeLessThan(5000);
      const content = framing.contentOf(Buffer.from("after it"));
      framer.push(framing.afterNoise);
      framer.flush();
      const [found] = framer.push(framing.encode(content));
      expect(found && framing.unpack(found.bytes)).toEqual(content);
    }
  });

  test("a new connection has nothing of the one before", () => {
    const framer = framing.create();
    const content = framing.contentOf(Buffer.from("the frame"));
    const encoded = framing.encode(content);
    framer.push(encoded.subarray(0, -4));
    framer.reset();
    const [found, ...more] = framer.push(encoded);
    expect(found && framing.unpack(found.bytes)).toEqual(content);
    expect(more).toEqual([]);
  });
});

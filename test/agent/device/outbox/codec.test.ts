import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  encodeBatch,
  HEADER_BYTES,
  type LogEntry,
  scanSegment,
  segmentHeader,
} from "../../../../agent/device/outbox/codec.ts";
import { isVeilError } from "../../../../core/errors.ts";

const STREAM = "00112233445566778899aabbccddeeff";

function record(sequence: number, payload = Buffer.from(`payload-${sequence}`)): LogEntry {
  return { kind: "record", stream: STREAM, sequence, payload };
}

function segment(...entries: LogEntry[]): Buffer {
  return Buffer.concat([segmentHeader(), encodeBatch(entries, [])]);
}

const entryArbitrary = fc.record({
  kind: fc.constantFrom("announcement" as const, "record" as const),
  stream: fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map((b) => Buffer.from(b).toString("hex")),
  payload: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((b) => Buffer.from(b)),
});

describe("scanSegment", () => {
  test("the bytes are those of the file's head", () => {
    const bytes = encodeBatch(
      [record(7, Buffer.from("ab"))],
      [{ stream: STREAM, acknowledged: 7 }],
    );
    expect(segmentHeader().toString("hex")).toBe("5645494c4f555401");
    expect(bytes.toString("hex").replace(/^(.{8}).{8}(.{54})(.{8}).{8}/, "$1 $2 $3 ")).toBe(
      `0000001b 000000000000000702${STREAM}6162 00000021 000000000000000003${STREAM}0000000000000007`,
    );
  });

  test("gives back what was encoded", () => {
    fc.assert(
      fc.property(fc.array(entryArbitrary, { maxLength: 20 }), (entries) => {
        const numbered = entries.map((entry, i) => ({ ...entry, sequence: 5 * i + 1 }));
        const marks = numbered.map(({ stream, sequence }) => ({ stream, acknowledged: sequence }));
        const stamp = { ageMs: 12, wallMs: 1_763_800_000_000, isSet: entries.length % 2 === 0 };
        const bytes = Buffer.concat([segmentHeader(), encodeBatch(numbered, marks, stamp)]);
        expect(scanSegment(bytes)).toEqual({
          entries: numbered,
          marks,
          stamps: { first: stamp, last: stamp },
          goodBytes: bytes.length,
          damagedBytes: 0,
          lostEntries: 0,
        });
      }),
    );
  });

  test("a file that ends anywhere keeps the entries before its end", () => {
    const bytes = segment(record(1), record(2), record(3));
    const ends = [1, 2, 3].map(
      (n) => segment(...[1, 2, 3].slice(0, n).map((s) => record(s))).length,
    );
    for (let length = 0; length <= bytes.length; length++) {
      const scanned = scanSegment(bytes.subarray(0, length));
      const whole = ends.filter((end) => end <= length);
      expect(scanned.entries.map((e) => e.sequence)).toEqual([1, 2, 3].slice(0, whole.length));
      expect(scanned.goodBytes).toBe(whole.at(-1) ?? (length < HEADER_BYTES ? 0 : HEADER_BYTES));
    }
  });

  test("damage in the middle costs what it hit, and is counted", () => {
    const bytes = segment(record(1), record(2), record(3), record(4));
    const start = segment(record(1)).length;
    const end = segment(record(1), record(2)).length;
    for (let offset = start; offset < end; offset++) {
      const damaged = Buffer.from(bytes);
      damaged[offset] = (damaged[offset] ?? 0) ^ 0xff;
      const scanned = scanSegment(damaged);
      expect(scanned.entries.map((e) => e.sequence)).toEqual([1, 3, 4]);
      expect(scanned).toMatchObject({ lostEntries: 1, damagedBytes: end - start });
    }
  });

  test("a page of zeros where a write was torn is not an entry", () => {
    const good = segment(record(1));
    const scanned = scanSegment(Buffer.concat([good, Buffer.alloc(4096)]));
    expect(scanned).toMatchObject({ goodBytes: good.length, damagedBytes: 0, lostEntries: 0 });
  });

  test("a sequence that does not grow is not believed", () => {
    const bytes = segment(record(5), record(5), record(6));
    expect(scanSegment(bytes).entries.map((e) => e.sequence)).toEqual([5, 6]);
  });

  test("another version is refused, not read as damage", () => {
    const bytes = segment(record(1));
    bytes[HEADER_BYTES - 1] = 2;
    expect(() => scanSegment(bytes)).toThrow(
      expect.toSatisfy((error) => isVeilError(error, "BAD_DOCUMENT")),
    );
  });
});

/** A small deterministic generator: the mutations of a failing run can be repeated. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe("fuzz", () => {
  const MUTATIONS = 20_000;
  const bytes = segment(...Array.from({ length: 12 }, (_, i) => record(i + 1)));

  function mutate(random: (below: number) => number): Buffer {
    const mutated = Buffer.from(bytes);
    for (let flips = 1 + random(4); flips > 0; flips--)
      mutated[HEADER_BYTES + random(mutated.length - HEADER_BYTES)] = random(256);
    if (random(4) === 0) return mutated.subarray(0, random(mutated.length));
    if (random(4) === 0) return Buffer.concat([mutated, mutated.subarray(random(mutated.length))]);
    return mutated;
  }

  test("whatever the bytes, only entries that were written come back", () => {
    const random = generator(1);
    const written = new Set(Array.from({ length: 12 }, (_, i) => `payload-${i + 1}`));
    for (let i = 0; i < MUTATIONS; i++) {
      const mutated = mutate(random);
      const scanned = scanSegment(mutated);
      expect(scanned.goodBytes).toBeLessThanOrEqual(mutated.length);
      for (const entry of scanned.entries)
        if (!written.has(entry.payload.toString())) throw new Error(`mutation ${i} was believed`);
    }
  });

  test("bytes made to look like entries everywhere end in bounded time", () => {
    const hostile = Buffer.alloc(2 ** 20, Buffer.from("0001ffff", "hex"));
    segmentHeader().copy(hostile);
    const startMs = performance.now();
    expect(scanSegment(hostile).entries).toEqual([]);
    expect(performance.now() - startMs).toBeLessThan(5000);
  });
});

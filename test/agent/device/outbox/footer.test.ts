import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { scanSegment, segmentHeader } from "../../../../agent/device/outbox/codec.ts";
import { checkFooter } from "../../../../agent/device/outbox/damage.ts";
import { decodeFooter, encodeFooter, type Footer } from "../../../../agent/device/outbox/footer.ts";
import { Ledger } from "../../../../agent/device/outbox/ledger.ts";
import { Segment } from "../../../../agent/device/outbox/segment.ts";
import { readFooter } from "../../../../agent/device/outbox/segment-file.ts";
import { testFolder } from "../../../support/folder.ts";

const STREAM = "00112233445566778899aabbccddeeff";
const stamp = { ageMs: 7, wallMs: 1_763_800_000_000, isSet: true };
const row = { stream: STREAM, acknowledged: 3, last: 9, count: 5 };

const number = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const footerArbitrary = fc.record({
  bornMs: number,
  stamp: fc.record({ ageMs: number, wallMs: number, isSet: fc.boolean() }),
  rows: fc.array(
    fc.record({
      stream: fc
        .uint8Array({ minLength: 16, maxLength: 16 })
        .map((bytes) => Buffer.from(bytes).toString("hex")),
      acknowledged: number,
      last: number,
      count: fc.integer({ min: 0, max: 0xffff_ffff }),
    }),
    { maxLength: 30 },
  ),
});

function encoded(footer: Footer): Buffer {
  const bytes = encodeFooter(footer);
  if (!bytes) throw new Error("the footer has no room");
  return bytes;
}

describe("a footer", () => {
  test("the bytes are those of the file's head", () => {
    const text = encoded({ bornMs: 6, stamp, rows: [row] }).toString("hex");
    expect(text.replace(/^(.{8}).{8}/, "$1 ")).toBe(
      `0000005a 000000000000000005${"00".repeat(16)}` +
        `00000000000000060000000000000007${stamp.wallMs.toString(16).padStart(16, "0")}01` +
        `${STREAM}0000000000000003000000000000000900000005` +
        "00000062",
    );
  });

  test("is found from the end of a file, and no entry to a scan", () => {
    fc.assert(
      fc.property(footerArbitrary, fc.uint8Array({ maxLength: 50 }), (footer, before) => {
        const bytes = encoded(footer);
        expect(decodeFooter(Buffer.concat([before, bytes]))).toEqual(footer);
        const scanned = scanSegment(Buffer.concat([segmentHeader(), bytes]));
        expect(scanned).toMatchObject({ entries: [], marks: [], stamps: null, damagedBytes: 0 });
        expect(scanned.goodBytes).toBe(segmentHeader().length + bytes.length);
      }),
    );
  });

  test("that is cut, changed or followed by anything is none", () => {
    const bytes = encoded({ bornMs: 6, stamp, rows: [row] });
    for (let i = 0; i < bytes.length; i++) {
      expect(decodeFooter(bytes.subarray(0, i))).toBeNull();
      expect(decodeFooter(bytes.subarray(i + 1))).toBeNull();
      const changed = Buffer.from(bytes);
      changed[i] = (changed[i] ?? 0) ^ 1;
      expect(decodeFooter(changed)).toBeNull();
    }
    expect(decodeFooter(Buffer.concat([bytes, Buffer.alloc(1)]))).toBeNull();
  });

  test.each([1, 100, 120, 3000])("is read from a file's end, with %i streams", async (streams) => {
    const footer = { bornMs: 6, stamp, rows: Array(streams).fill(row) };
    const bytes = Buffer.concat([segmentHeader(), Buffer.alloc(200), encoded(footer)]);
    const path = join(await testFolder(), "segment");
    await writeFile(path, bytes);
    expect(await readFooter(path)).toEqual({ size: bytes.length, footer });
    await writeFile(path, bytes.fill(0, bytes.length - 4));
    expect(await readFooter(path)).toBeNull();
  });

  test("of a segment that the medium does not give back says what that costs", () => {
    const ledger = new Ledger();
    const segment = new Segment({ folder: "outbox", first: 1, bytes: 700, bornMs: 6 });
    ledger.segments.push(segment);
    ledger.addFooter(segment, [row]);
    expect(ledger).toMatchObject({ depth: 5, last: 9 });
    expect(ledger.rows(segment)).toEqual([{ ...row, acknowledged: 0 }]);
    const damage = checkFooter(ledger, segment, { size: 700, scanned: null });
    expect(damage).toEqual({ bytes: 700, entries: 5 });
    expect(ledger).toMatchObject({ depth: 0, last: 9 });
    expect(segment.pending).toBe(0);
  });

  test("of more streams than an entry has room for is not written", () => {
    expect(encodeFooter({ bornMs: 6, stamp, rows: Array(3700).fill(row) })).toBeNull();
  });
});

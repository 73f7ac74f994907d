import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isVeilError } from "../../../../core/errors.ts";
import {
  AEAD,
  decodeHeader,
  encodeHeader,
  inspectRecord,
  isOfKid,
  MAX_CIPHERTEXT_BYTES,
  peekIdentity,
  RECORD_HEADER_BYTES,
  type RecordHeader,
  RecordLikeness,
  recordId,
  recordSuiteOf,
  SEQ_AT,
  splitRecord,
} from "../../../../core/scheme/record/header.ts";
import { SUITE } from "../../../../core/scheme/suite.ts";

const header: RecordHeader = {
  suite: SUITE.rsa,
  aead: AEAD.aes256Gcm,
  padded: false,
  signed: false,
  epoch: 1,
  kid: Buffer.alloc(16, 0xab),
  seq: 5n,
  timeMs: 1_700_000_000_000,
};
const badRecord = expect.objectContaining({ code: "BAD_RECORD" });
const badArgument = expect.objectContaining({ code: "BAD_ARGUMENT" });

const anyHeader: fc.Arbitrary<RecordHeader> = fc.record({
  suite: fc.constantFrom(SUITE.rsa, SUITE.p256, SUITE.hmac, SUITE.pki),
  aead: fc.constantFrom(AEAD.aes256Gcm, AEAD.chacha20Poly1305),
  padded: fc.boolean(),
  signed: fc.boolean(),
  epoch: fc.nat(0xffff_ffff),
  kid: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((kid) => Buffer.from(kid)),
  seq: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  timeMs: fc.maxSafeNat(),
});

describe("recordId", () => {
  it("is kid:seq, the kid as b64url", () => {
    const seq = 2n ** 64n - 1n;
    expect(recordId({ kid: header.kid, seq })).toBe("q6urq6urq6urq6urq6urqw:18446744073709551615");
  });
});

describe("the record header", () => {
  it("has its fields in their places", () => {
    expect(encodeHeader({ ...header, padded: true, signed: true }).toString("hex")).toBe(
      `565101010103${"00000001"}${"ab".repeat(16)}${"0000000000000005"}0000018bcfe56800`,
    );
  });

  it("is read as it was written", () => {
    fc.assert(
      fc.property(anyHeader, (any) => {
        const bytes = encodeHeader(any);
        expect(bytes).toHaveLength(RECORD_HEADER_BYTES);
        expect(decodeHeader(bytes)).toEqual(any);
        expect(decodeHeader(new Uint8Array(bytes))).toEqual(any);
      }),
    );
  });

  it.each([
    ["no magic", 0, 0x57],
    ["half a magic", 1, 0x50],
    ["version 0", 2, 0],
    ["version 2", 2, 2],
    ["the suite of the toy", 3, SUITE.paper],
    ["suite 2", 3, 2],
    ["algorithm 0", 4, 0],
    ["algorithm 3", 4, 3],
    ["flag bit 2", 5, 0b100],
    ["flag bit 7", 5, 0b1000_0001],
    ["a time beyond 2^53", 34, 1],
  ])("is refused with %s", (_, at, byte) => {
    const bytes = encodeHeader(header);
    bytes[at] = byte;
    expect(() => decodeHeader(bytes)).toThrow(badRecord);
  });

  it("is refused when it is cut", () => {
    const bytes = encodeHeader(header);
    for (let length = 0; length < RECORD_HEADER_BYTES; length++)
      expect(() => decodeHeader(bytes.subarray(0, length))).toThrow(badRecord);
  });

  it.each([
    ["a short kid", { kid: Buffer.alloc(15) }],
    ["a negative time", { timeMs: -1 }],
    ["a broken time", { timeMs: 0.5 }],
    ["an epoch of 33 bits", { epoch: 2 ** 32 }],
    ["a negative seq", { seq: -1n }],
    ["a seq of 65 bits", { seq: 1n << 64n }],
  ])("is not written with %s", (_, wrong) => {
    expect(() => encodeHeader({ ...header, ...wrong })).toThrow(badArgument);
  });

  it("tells which record it was, even of one that is malformed", () => {
    const bytes = encodeHeader(header);
    bytes[0] = 0;
    expect(peekIdentity(bytes)).toEqual({ kid: header.kid, seq: header.seq });
    expect(peekIdentity(bytes.subarray(0, 34))).toEqual({ kid: header.kid, seq: header.seq });
    expect(peekIdentity(bytes.subarray(0, 33))).toBeNull();
  });

  it("tells which kid it is of, by any of its bytes", () => {
    const bytes = encodeHeader(header);
    expect(isOfKid(bytes, header.kid)).toBe(true);
    for (let at = 0; at < header.kid.length; at++) {
      const other = Buffer.from(header.kid);
      other[at] = 0;
      expect(isOfKid(bytes, other)).toBe(false);
    }
  });

  it("knows the suites that have records", () => {
    expect(recordSuiteOf(1)).toBe(SUITE.rsa);
    expect(() => recordSuiteOf(SUITE.paper)).toThrow(badRecord);
  });
});

describe("splitRecord", () => {
  const record = (length: number, flags: Partial<RecordHeader> = {}): Buffer =>
    Buffer.concat([encodeHeader({ ...header, ...flags }), randomBytes(length)]);

  it("gives views of the parts, with or without a signature", () => {
    const signed = record(100 + 16 + 64, { signed: true });
    const parts = splitRecord(signed);
    expect(parts.record).toEqual(signed);
    expect(parts.ciphertext).toEqual(signed.subarray(42, 142));
    expect(parts.authTag).toEqual(signed.subarray(142, 158));
    expect(parts.signature).toEqual(signed.subarray(158));
    expect(parts.ciphertext.buffer).toBe(signed.buffer);
    expect(splitRecord(record(16)).ciphertext).toHaveLength(0);
    expect(splitRecord(record(16)).signature).toBeUndefined();
  });

  it("refuses one that ends too early", () => {
    expect(() => splitRecord(record(15))).toThrow(badRecord);
    expect(() => splitRecord(record(79, { signed: true }))).toThrow(badRecord);
    expect(splitRecord(record(80, { signed: true })).ciphertext).toHaveLength(0);
  });

  it("holds 64 KiB and no byte more", () => {
    const largest = record(MAX_CIPHERTEXT_BYTES + 16 + 64, { signed: true, padded: true });
    expect(largest).toHaveLength(42 + 65_536 + 16 + 64);
    expect(splitRecord(largest).ciphertext).toHaveLength(MAX_CIPHERTEXT_BYTES);
    expect(() => splitRecord(record(MAX_CIPHERTEXT_BYTES + 17))).toThrow(
      expect.objectContaining({ code: "TOO_LARGE" }),
    );
  });

  it("takes a padded length that padding makes and no other", () => {
    for (const length of [32, 64, 1024, 65_536])
      expect(splitRecord(record(length + 16, { padded: true })).header.padded).toBe(true);
    for (const length of [0, 1, 16, 31, 33, 48, 96])
      expect(() => splitRecord(record(length + 16, { padded: true }))).toThrow(badRecord);
  });
});

describe("inspectRecord", () => {
  /** What comes of a record, or the code that it is refused with. */
  const outcome = <T>(judge: () => T): T | string => {
    try {
      return judge();
    } catch (error) {
      return isVeilError(error) ? error.code : "?";
    }
  };
  const split = (bytes: Buffer) => {
    const { suite, signed, epoch } = splitRecord(bytes).header;
    return { suite, signed, epoch };
  };

  it("says of a record what its whole header does", () => {
    for (const signed of [false, true])
      expect(
        inspectRecord(Buffer.concat([encodeHeader({ ...header, signed }), randomBytes(100)])),
      ).toEqual({ suite: header.suite, signed, epoch: header.epoch });
  });

  it("refuses at the bridge what a consumer refuses, and nothing else, over changes anywhere", () => {
    const record = fc
      .tuple(fc.boolean(), fc.boolean(), fc.nat(200))
      .map(([padded, signed, length]) =>
        Buffer.concat([encodeHeader({ ...header, padded, signed }), Buffer.alloc(length)]),
      );
    fc.assert(
      fc.property(record, fc.nat(45), fc.nat(255), (bytes, at, byte) => {
        const changed = Buffer.from(bytes);
        if (at < changed.length) changed[at] = byte;
        expect(outcome(() => inspectRecord(changed))).toEqual(outcome(() => split(changed)));
      }),
      { numRuns: 2_000 },
    );
    const huge = Buffer.concat([encodeHeader(header), Buffer.alloc(MAX_CIPHERTEXT_BYTES + 17)]);
    expect(outcome(() => inspectRecord(huge))).toBe("TOO_LARGE");
  });
});

describe("RecordLikeness", () => {
  const verdict = (bytes: Buffer) => {
    try {
      return { ...inspectRecord(bytes), kid: decodeHeader(bytes).kid.toString("hex") };
    } catch {
      return null;
    }
  };

  it("holds what inspectRecord would say the same of, kid included, and nothing else, over changes anywhere", () => {
    const record = fc
      .tuple(fc.boolean(), fc.boolean(), fc.constantFrom(80, 96, 112, 144, 200))
      .map(([padded, signed, length]) =>
        Buffer.concat([encodeHeader({ ...header, padded, signed }), Buffer.alloc(length)]),
      );
    const seen = { held: 0, refused: 0 };
    fc.assert(
      fc.property(record, fc.nat(45), fc.nat(255), fc.nat(64), (first, at, byte, cut) => {
        fc.pre(verdict(first) !== null);
        const next = Buffer.from(first.subarray(0, first.length - cut));
        next[at] = byte;
        const same = first.subarray(0, SEQ_AT).equals(next.subarray(0, SEQ_AT));
        const holds = new RecordLikeness(first).holds(next);
        expect(holds).toBe(same && verdict(next) !== null);
        if (holds) expect(verdict(next)).toEqual(verdict(first));
        seen[holds ? "held" : "refused"]++;
      }),
      { numRuns: 2_000 },
    );
    expect(seen.held).toBeGreaterThan(100);
    expect(seen.refused).toBeGreaterThan(100);
  });

  it("holds 64 KiB and no byte more", () => {
    const likeness = new RecordLikeness(Buffer.concat([encodeHeader(header), Buffer.alloc(16)]));
    const record = (length: number): Buffer =>
      Buffer.concat([encodeHeader(header), Buffer.alloc(length + 16)]);
    expect(likeness.holds(record(MAX_CIPHERTEXT_BYTES))).toBe(true);
    expect(likeness.holds(record(MAX_CIPHERTEXT_BYTES + 1))).toBe(false);
    expect(likeness.holds(encodeHeader(header))).toBe(false);
  });
});

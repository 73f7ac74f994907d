import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isVeilError } from "../../../core/errors.ts";
import {
  type Announcement,
  decodeAnnouncement,
  encodeAnnouncement,
  kidOf,
  verifyAnnouncement,
} from "../../../core/wire/announcement.ts";
import { generateSigningKey, importPublicKey, importSigningKey } from "../../../core/wire/keys.ts";

const pair = generateSigningKey();
const signingKey = importSigningKey(pair.seed);
const publicKey = importPublicKey(pair.publicKey);

const announcements: fc.Arbitrary<Announcement> = fc.record({
  suite: fc.integer({ min: 0, max: 255 }),
  epoch: fc.integer({ min: 0, max: 0xffff_ffff }),
  producerId: fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,63}$/),
  createdAtMs: fc.maxSafeNat(),
  wrapped: fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
  commit: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes)),
});

describe("a key announcement", () => {
  test("comes back as it was and verifies", () => {
    fc.assert(
      fc.property(announcements, (announcement) => {
        const bytes = encodeAnnouncement(announcement, signingKey);
        expect(decodeAnnouncement(bytes)).toEqual(announcement);
        expect(verifyAnnouncement(bytes, publicKey)).toBe(true);
        expect(kidOf(announcement)).toEqual(announcement.commit.subarray(0, 16));
      }),
    );
  });

  test("does not verify with any byte changed, cut or added", () => {
    const whole = fc.tuple(announcements, fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(whole, ([announcement, place, change]) => {
        const bytes = encodeAnnouncement(announcement, signingKey);
        const at = place % bytes.length;
        const changed = Buffer.from(bytes);
        changed.writeUInt8(changed.readUInt8(at) ^ change, at);
        expect(verifyAnnouncement(changed, publicKey)).toBe(false);
        expect(verifyAnnouncement(bytes.subarray(0, at), publicKey)).toBe(false);
        expect(verifyAnnouncement(Buffer.concat([bytes, Buffer.of(change)]), publicKey)).toBe(
          false,
        );
      }),
    );
  });

  test("refuses 20,000 mutations with BAD_RECORD or reads them, and never anything else", () => {
    const good = encodeAnnouncement(
      {
        suite: 1,
        epoch: 1,
        producerId: "device-1",
        createdAtMs: 1,
        wrapped: randomBytes(256),
        commit: randomBytes(32),
      },
      signingKey,
    );
    const cut = fc.tuple(fc.nat(good.length), fc.uint8Array({ maxLength: 12 }), fc.nat(20));
    fc.assert(
      fc.property(cut, ([at, inserted, removed]) => {
        const bytes = Buffer.concat([good.subarray(0, at), inserted, good.subarray(at + removed)]);
        try {
          decodeAnnouncement(bytes);
        } catch (error) {
          expect(isVeilError(error, "BAD_RECORD")).toBe(true);
        }
      }),
      { numRuns: 20_000 },
    );
  });
});

import { expect, test } from "vitest";
import { AnnouncedKids } from "../../../bridge/ingress/announced-kids.ts";
import { AEAD, encodeHeader } from "../../../core/scheme/record/header.ts";
import { SUITE } from "../../../core/scheme/suite.ts";

const kidOf = (n: number): Buffer => Buffer.alloc(16, n);

function recordOf(kid: Buffer): Buffer {
  const { rsa: suite } = SUITE;
  const flags = { padded: false, signed: false };
  return encodeHeader({ suite, aead: AEAD.aes256Gcm, ...flags, epoch: 1, kid, seq: 0n, timeMs: 0 });
}

test("knows the kids that were announced, and no other", () => {
  const kids = new AnnouncedKids();
  for (const n of [0, 1]) expect(kids.hasKidOf(recordOf(kidOf(n)))).toBe(false);
  const announced = kidOf(1);
  kids.add(announced);
  announced.fill(9);
  kids.add(kidOf(2));
  for (const n of [1, 2, 1, 1]) expect(kids.hasKidOf(recordOf(kidOf(n)))).toBe(true);
  expect(kids.hasKidOf(recordOf(kidOf(9)))).toBe(false);
});

test("tells apart kids that differ in one byte", () => {
  const kids = new AnnouncedKids();
  const kid = Buffer.from(Array.from({ length: 16 }, (_, n) => 240 + n));
  kids.add(kid);
  for (let at = 0; at < kid.length; at++) {
    const other = Buffer.from(kid);
    other[at] = 1;
    expect(kids.hasKidOf(recordOf(other))).toBe(false);
    expect(kids.hasKidOf(recordOf(kid))).toBe(true);
  }
});

test("keeps the 16 that were used or announced last", () => {
  const kids = new AnnouncedKids();
  for (let n = 0; n < 16; n++) kids.add(kidOf(n));
  for (let again = 0; again < 20; again++) kids.add(kidOf(15));
  expect(kids.hasKidOf(recordOf(kidOf(0)))).toBe(true);
  kids.add(kidOf(16));
  expect(kids.hasKidOf(recordOf(kidOf(0)))).toBe(true);
  expect(kids.hasKidOf(recordOf(kidOf(1)))).toBe(false);
});

import { expect, test } from "vitest";
import { Precedent } from "../../../bridge/ingress/precedent.ts";
import { AEAD, encodeHeader } from "../../../core/scheme/record/header.ts";
import { SUITE } from "../../../core/scheme/suite.ts";

const CHANGES = 7;
const UNTIL_MS = 9_000;

function recordOf({
  seq,
  kid = 1,
  signed = false,
}: {
  seq: bigint;
  kid?: number;
  signed?: boolean;
}) {
  const { rsa: suite } = SUITE;
  const parts = { suite, aead: AEAD.aes256Gcm, padded: false, signed, epoch: 1, seq, timeMs: 0 };
  return Buffer.concat([encodeHeader({ ...parts, kid: Buffer.alloc(16, kid) }), Buffer.alloc(100)]);
}

test("covers the next records of its kid until something changes in the directory or ends", () => {
  const precedent = new Precedent(recordOf({ seq: 0n }), { changes: CHANGES, untilMs: UNTIL_MS });
  for (const seq of [1n, 2n ** 63n])
    expect(precedent.covers(recordOf({ seq }), CHANGES, UNTIL_MS - 1)).toBe(true);
  expect(precedent.covers(recordOf({ seq: 1n }), CHANGES, UNTIL_MS)).toBe(false);
  expect(precedent.covers(recordOf({ seq: 1n }), CHANGES + 1, 0)).toBe(false);
});

test("covers no record of another kid, and none that is signed where it was not", () => {
  const precedent = new Precedent(recordOf({ seq: 0n }), { changes: CHANGES, untilMs: UNTIL_MS });
  expect(precedent.covers(recordOf({ seq: 1n, kid: 2 }), CHANGES, 0)).toBe(false);
  expect(precedent.covers(recordOf({ seq: 1n, signed: true }), CHANGES, 0)).toBe(false);
  expect(precedent.covers(Buffer.alloc(0), CHANGES, 0)).toBe(false);
});

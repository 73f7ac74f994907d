import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AEAD, MAX_CIPHERTEXT_BYTES, splitRecord } from "../../../../core/scheme/record/header.ts";
import { deriveRecordKey } from "../../../../core/scheme/record/key.ts";
import { type Opening, openSplit } from "../../../../core/scheme/record/open.ts";
import { sealRecord } from "../../../../core/scheme/record/seal.ts";
import { SUITE } from "../../../../core/scheme/suite.ts";

const input = {
  suite: SUITE.rsa,
  realm: { tenant: "acme", epoch: 9 },
  topic: "plant/1",
  producerId: "dev-0001",
  ikm: Buffer.alloc(256, 3),
} as const;
const keys = [AEAD.aes256Gcm, AEAD.chacha20Poly1305].map((aead) =>
  deriveRecordKey({ ...input, aead }),
);
const aesKey = deriveRecordKey({ ...input, aead: AEAD.aes256Gcm });
const producer = generateKeyPairSync("ed25519");
const stranger = generateKeyPairSync("ed25519");
const reading = Buffer.from('[{"n":"t","v":21.5}]');
const timeMs = 1_700_000_000_000;

const seal = (options: Partial<Parameters<typeof sealRecord>[0]> = {}): Buffer =>
  sealRecord({ key: aesKey, seq: 0n, timeMs, plaintext: reading, padded: true, ...options });
const open = (record: Uint8Array, options: Partial<Opening> = {}) => {
  const parts = splitRecord(record);
  const opening = { key: aesKey, producerKey: producer.publicKey, signs: false, ...options };
  return { header: parts.header, plaintext: openSplit(parts, opening) };
};

const badRecord = expect.objectContaining({ code: "BAD_RECORD" });
const badKey = expect.objectContaining({ code: "BAD_KEY" });
const refused = expect.objectContaining({ code: expect.stringMatching(/^BAD_(RECORD|KEY)$/) });

describe("a record", () => {
  it("opens to what was sealed, over sizes, algorithms and flags", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 2_000 }),
        fc.constantFrom(...keys),
        fc.boolean(),
        fc.boolean(),
        fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
        (plaintext, key, padded, signed, seq) => {
          const signingKey = signed ? producer.privateKey : undefined;
          const record = seal({ key, seq, plaintext, padded, signingKey });
          const opened = open(record, { key, signs: signed });
          expect(opened.plaintext).toEqual(Buffer.from(plaintext));
          const { suite, aead, epoch, kid } = key;
          const expected = { suite, aead, epoch, kid, padded, signed, seq, timeMs };
          expect(opened.header).toEqual(expected);
        },
      ),
    );
  });

  it("is refused with any one byte changed, or any number of bytes gone", () => {
    for (const key of keys)
      for (const signingKey of [producer.privateKey, undefined]) {
        const record = seal({ key, signingKey });
        for (let at = 0; at < record.length; at++) {
          for (const bit of [1, 0x80]) {
            const changed = Buffer.from(record);
            changed.writeUInt8(changed.readUInt8(at) ^ bit, at);
            expect(() => open(changed, { key, signs: signingKey !== undefined })).toThrow(refused);
          }
          expect(() => open(record.subarray(0, at), { key })).toThrow(refused);
        }
      }
  });

  it("shows of its size the power of two only", () => {
    expect(seal({ plaintext: Buffer.alloc(1) })).toHaveLength(
      seal({ plaintext: Buffer.alloc(31) }).length,
    );
  });

  it("holds 64 KiB, less the mark where padded", () => {
    const largest = Buffer.alloc(MAX_CIPHERTEXT_BYTES);
    expect(open(seal({ plaintext: largest, padded: false })).plaintext).toEqual(largest);
    expect(open(seal({ plaintext: largest.subarray(1) })).plaintext).toHaveLength(65_535);
    const tooLarge = expect.objectContaining({ code: "TOO_LARGE" });
    expect(() => seal({ plaintext: largest })).toThrow(tooLarge);
    expect(() => seal({ plaintext: Buffer.alloc(65_537), padded: false })).toThrow(tooLarge);
  });

  it("never has the nonce of another seq", () => {
    const records = [0n, 1n, 2n ** 32n, 2n ** 64n - 1n].map((seq) => seal({ seq }));
    const ciphertexts = records.map((record) => record.subarray(42).toString("hex"));
    expect(new Set(ciphertexts).size).toBe(4);
  });
});

describe("openSplit", () => {
  it.each([
    ["kid", { ikm: Buffer.alloc(256, 4) }],
    ["topic", { topic: "plant/2" }],
    ["producer", { producerId: "dev-0002" }],
    ["suite", { suite: SUITE.p256 }],
    ["epoch", { realm: { tenant: "acme", epoch: 8 } }],
    ["algorithm", { aead: AEAD.chacha20Poly1305 }],
  ])("refuses a key of another %s", (_, other) => {
    const key = deriveRecordKey({ ...input, aead: AEAD.aes256Gcm, ...other });
    expect(() => open(seal(), { key })).toThrow(badKey);
  });

  it("refuses a record bound to another topic, even under the same K and kid", () => {
    const elsewhere = deriveRecordKey({ ...input, aead: AEAD.aes256Gcm, topic: "plant/2" });
    expect(() => open(seal(), { key: { ...aesKey, binding: elsewhere.binding } })).toThrow(
      badRecord,
    );
  });

  it("refuses an unsigned record of a producer that signs", () => {
    expect(() => open(seal(), { signs: true })).toThrow("not signed");
    expect(open(seal(), { signs: false }).plaintext).toEqual(reading);
  });

  it("refuses another's signature, also where none is owed", () => {
    const record = seal({ signingKey: stranger.privateKey });
    expect(() => open(record, { signs: true })).toThrow("signature is wrong");
    expect(() => open(record, { signs: false })).toThrow("signature is wrong");
    expect(() => open(record, { producerKey: stranger.publicKey })).not.toThrow();
  });
});

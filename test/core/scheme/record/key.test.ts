import { describe, expect, it } from "vitest";
import { AEAD } from "../../../../core/scheme/record/header.ts";
import { confirmRecordKey, deriveRecordKey } from "../../../../core/scheme/record/key.ts";
import { SUITE } from "../../../../core/scheme/suite.ts";

const input = {
  suite: SUITE.rsa,
  aead: AEAD.aes256Gcm,
  realm: { tenant: "acme", epoch: 1 },
  topic: "plant/1",
  producerId: "dev-0001",
  ikm: Buffer.alloc(256, 3),
} as const;
const key = deriveRecordKey(input);
const badKey = expect.objectContaining({ code: "BAD_KEY" });

describe("the data key", () => {
  it("has its sizes, and a kid that begins the commit", () => {
    const { kid, commit, iv, binding } = key;
    expect([key.key, iv, commit, kid, binding].map((part) => part.length)).toEqual([
      32, 12, 32, 16, 32,
    ]);
    expect(kid).toEqual(commit.subarray(0, 16));
  });

  it.each([
    ["suite", { suite: SUITE.p256 }],
    ["tenant", { realm: { tenant: "acmf", epoch: 1 } }],
    ["epoch", { realm: { tenant: "acme", epoch: 2 } }],
    ["topic", { topic: "plant/2" }],
    ["producer", { producerId: "dev-0002" }],
    ["ikm", { ikm: Buffer.alloc(256, 4) }],
    ["topic and producer, their border moved", { topic: "plant/1d", producerId: "ev-0001" }],
  ])("is another for another %s", (_, other) => {
    const different = deriveRecordKey({ ...input, ...other });
    for (const part of ["key", "iv", "commit", "kid"] as const)
      expect(different[part]).not.toEqual(key[part]);
  });

  it("has the same commit and another K and iv for the other algorithm", () => {
    const chacha = deriveRecordKey({ ...input, aead: AEAD.chacha20Poly1305 });
    expect(chacha.commit).toEqual(key.commit);
    expect(chacha.key).not.toEqual(key.key);
    expect(chacha.iv).not.toEqual(key.iv);
  });

  it("is confirmed by its own commit only", () => {
    expect(() => confirmRecordKey(key, new Uint8Array(key.commit))).not.toThrow();
    for (let at = 0; at < key.commit.length; at++) {
      const wrong = Buffer.from(key.commit);
      wrong.writeUInt8(wrong.readUInt8(at) ^ 1, at);
      expect(() => confirmRecordKey(key, wrong)).toThrow(badKey);
    }
    expect(() => confirmRecordKey(key, key.kid)).toThrow(badKey);
  });
});

import { createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  exportPublicKey,
  exportSigningKey,
  importPublicKey,
  importSigningKey,
} from "../../../core/scheme/ed25519.ts";

describe("raw Ed25519 keys", () => {
  it("come back as they went out, and sign and verify", () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const [seed, raw] = [exportSigningKey(privateKey), exportPublicKey(publicKey)];
    expect([seed.length, raw.length]).toEqual([32, 32]);
    expect(exportPublicKey(createPublicKey(importSigningKey(seed)))).toEqual(raw);
    const message = Buffer.from("m");
    const signature = sign(null, message, importSigningKey(seed));
    expect(verify(null, message, importPublicKey(raw), signature)).toBe(true);
  });

  it.each([0, 31, 33])("of %i bytes are refused", (length) => {
    const raw = Buffer.alloc(length, 1);
    const badArgument = expect.objectContaining({ code: "BAD_ARGUMENT" });
    expect(() => importPublicKey(raw)).toThrow(badArgument);
    expect(() => importSigningKey(raw)).toThrow(badArgument);
  });
});

import { expand_message_xmd } from "@noble/curves/abstract/hash-to-curve.js";
import { sha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { i2osp } from "../../../../core/scheme/bytes.ts";
import {
  hashToGroup,
  mapToGroup,
  uniformBytes,
} from "../../../../core/scheme/rsa/hash-to-group.ts";
import { K, MODULUS, N, P } from "./group.ts";

describe("expand_message_xmd as this scheme uses it", () => {
  // RFC 9380 K.1.
  it.each([
    ["", 32, "68a985b87eb6b46952128911f2a4412bbc302a9d759667f87f7a21d803f07235"],
    ["abc", 32, "d8ccab23b5985ccea865c6c97b6e5b8350e794e603b4b97902f53a8a0d605615"],
  ])("answers RFC 9380 for %j", (message, length, expected) => {
    const dst = Buffer.from("QUUX-V01-CS02-with-expander-SHA256-128");
    const uniform = expand_message_xmd(Buffer.from(message), dst, length, sha256);
    expect(Buffer.from(uniform).toString("hex")).toBe(expected);
  });
});

describe("H", () => {
  const realm = { tenant: "acme", epoch: 1 };

  it("gives an element for every topic, and another one for another tenant, epoch or topic", {
    timeout: 30_000,
  }, () => {
    const topic = fc.string({ minLength: 1, maxLength: 40, unit: "binary" });
    fc.assert(
      fc.property(topic, (name) => {
        const h = hashToGroup(MODULUS, realm, name);
        expect(MODULUS.isElement(h)).toBe(true);
        expect(hashToGroup(MODULUS, realm, name)).toEqual(h);
        expect(hashToGroup(MODULUS, { ...realm, tenant: "acmf" }, name)).not.toEqual(h);
        expect(hashToGroup(MODULUS, { ...realm, epoch: 2 }, name)).not.toEqual(h);
        expect(hashToGroup(MODULUS, realm, `${name}x`)).not.toEqual(h);
      }),
      { numRuns: 20 },
    );
  });

  it("squares and folds what it reduces", () => {
    expect(mapToGroup(MODULUS, i2osp(N + 3n, uniformBytes(MODULUS)))).toEqual(i2osp(9n, K));
    expect(uniformBytes(MODULUS)).toBe(K + 16);
  });

  it.each([
    ["0", 0n],
    ["a factor", P],
    ["a multiple of N", 5n * N],
  ])("aborts on %s", (_, x) => {
    expect(() => mapToGroup(MODULUS, i2osp(x, uniformBytes(MODULUS)))).toThrow("shares a factor");
  });
});

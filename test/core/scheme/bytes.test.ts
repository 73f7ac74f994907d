import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { base32, hkdf, hmacSha256, i2osp, lp, os2ip } from "../../../core/scheme/bytes.ts";
import { context } from "../../../core/scheme/context.ts";

describe("bytes", () => {
  it("turns integers into bytes and back", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), (value) => {
        expect(os2ip(i2osp(value, 16))).toBe(value);
      }),
    );
    expect(os2ip(Buffer.alloc(0))).toBe(0n);
  });

  it.each([
    ["too large", 65_536, 2],
    ["negative", -1, 2],
  ])("refuses a number that is %s", (_, value, length) => {
    expect(() => i2osp(value, length)).toThrow("does not fit");
  });

  it("prefixes lengths up to 65,535 bytes", () => {
    expect(lp("ab").toString("hex")).toBe("00026162");
    expect(lp(Buffer.alloc(65_535)).length).toBe(65_537);
    expect(() => lp(Buffer.alloc(65_536))).toThrow("does not fit");
  });

  // RFC 4648 §10, lower case and without padding.
  it.each([
    ["", ""],
    ["f", "my"],
    ["fo", "mzxq"],
    ["foo", "mzxw6"],
    ["foob", "mzxw6yq"],
    ["fooba", "mzxw6ytb"],
    ["foobar", "mzxw6ytboi"],
  ])("writes %j in base32 as %j", (text, encoded) => {
    expect(base32(Buffer.from(text))).toBe(encoded);
  });

  // RFC 5869 A.1 and A.3.
  it("derives as HKDF-SHA-256", () => {
    const ikm = Buffer.alloc(22, 0x0b);
    const salt = Buffer.from("000102030405060708090a0b0c", "hex");
    const info = Buffer.from("f0f1f2f3f4f5f6f7f8f9", "hex");
    expect(hkdf(ikm, { info, length: 42, salt }).toString("hex")).toBe(
      "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    );
    expect(hkdf(ikm, { info: "", length: 42 }).toString("hex")).toBe(
      "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    );
  });

  // RFC 4231, test case 2.
  it("authenticates as HMAC-SHA-256, over parts as over the whole", () => {
    const mac = hmacSha256(Buffer.from("Jefe"), "what do ya want ", Buffer.from("for nothing?"));
    expect(mac.toString("hex")).toBe(
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    );
  });

  it("keeps the fields of a context apart", () => {
    const realm = { tenant: "acme", epoch: 1 };
    expect(context(realm).toString("hex")).toBe("000461636d6500000001");
    expect(context(realm, "t").toString("hex")).toBe("000461636d6500000001000174");
    expect(context({ tenant: "acm", epoch: 1 }, "et")).not.toEqual(context(realm, "t"));
  });
});

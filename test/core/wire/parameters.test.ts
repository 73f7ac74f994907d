import { describe, expect, it } from "vitest";
import type { PublicParameters } from "../../../core/scheme/suite.ts";
import {
  encodeEpoch,
  encodeEpochInForce,
  encodeHalves,
  epochInForceSchema,
  epochSchema,
  halvesSchema,
} from "../../../core/wire/parameters.ts";

const bytes = Buffer.alloc(32, 0x9a);
const ALL: PublicParameters[] = [
  { suite: "rsa", nTag: Buffer.alloc(256, 1), nRec: Buffer.alloc(256, 2) },
  { suite: "p256", xRec: bytes },
  { suite: "hmac" },
  { suite: "pki" },
];

describe("an epoch's parameters", () => {
  it.each(ALL)("of suite $suite come back through JSON", (parameters) => {
    const json: unknown = JSON.parse(JSON.stringify(encodeEpoch({ epoch: 7, parameters })));
    expect(epochSchema.parse(json)).toEqual({ epoch: 7, parameters });
  });

  it.each([
    ["an unknown suite", { suite: "paper" }],
    ["a field too many", { suite: "hmac", nTag: "AA" }],
    ["a field missing", { suite: "p256" }],
    ["an x of 33 bytes", { suite: "p256", xRec: Buffer.alloc(33).toString("base64url") }],
  ])("are refused with %s", (_, parameters) => {
    expect(epochSchema.safeParse({ epoch: 7, parameters }).success).toBe(false);
  });
});

describe("halves", () => {
  it.each([
    { tag: bytes },
    { tag: bytes, record: bytes },
    // What a bridge holds of a consumer of suites `hmac` and `pki`.
    { tag: bytes, record: Buffer.alloc(0) },
  ])("come back through JSON: %#", (halves) => {
    const json: unknown = JSON.parse(JSON.stringify(encodeHalves({ epoch: 7, halves })));
    expect(halvesSchema.parse(json)).toEqual({ epoch: 7, halves });
  });
});

describe("an epoch in force", () => {
  const epoch = { epoch: 7, parameters: { suite: "hmac" } } as const;
  const ending = { ...epoch, tagsUntilMs: 1_000, recordsUntilMs: 2_000 };

  it.each([epoch, ending])("comes back through JSON: %#", (inForce) => {
    const json: unknown = JSON.parse(JSON.stringify(encodeEpochInForce(inForce)));
    expect(epochInForceSchema.parse(json)).toEqual(inForce);
  });

  it("has no ends for the scheme", () => {
    expect(encodeEpoch(ending)).toEqual(epoch);
  });
});

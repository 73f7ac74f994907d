import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isElement } from "../../../../core/scheme/p256/curve.ts";
import { hashToElement } from "../../../../core/scheme/p256/hash-to-curve.ts";

const realm = { tenant: "acme", epoch: 1 };

describe("hashToElement", () => {
  it("gives an element for every topic, and another one for another tenant, epoch or topic", () => {
    const realms = fc.record({ tenant: fc.stringMatching(/^[a-z]{1,5}$/), epoch: fc.nat(3) });
    const places = fc.record({ realm: realms, topic: fc.string({ minLength: 1, maxLength: 3 }) });
    fc.assert(
      fc.property(places, places, (a, b) => {
        const [one, other] = [a, b].map((place) => hashToElement(place.realm, place.topic));
        expect(one && isElement(one)).toBe(true);
        expect(one?.equals(other ?? Buffer.alloc(0))).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
      { numRuns: 40 },
    );
  });

  it("refuses a topic above 65,535 bytes", () => {
    expect(() => hashToElement(realm, "x".repeat(65_536))).toThrow(
      expect.objectContaining({ code: "BAD_ARGUMENT" }),
    );
  });
});

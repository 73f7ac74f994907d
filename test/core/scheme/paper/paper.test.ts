import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EI1, EJ1, enc } from "../../../../core/scheme/paper/client.ts";
import {
  E,
  PHI,
  paperDecryptionExponent,
  paperProxyHalf,
} from "../../../../core/scheme/paper/owner.ts";
import { PAPER_MODULUS, paperPower } from "../../../../core/scheme/paper/power.ts";
import {
  compare,
  EI2,
  EJ2,
  encMatch,
  encMatchAnswer,
  zenc,
} from "../../../../core/scheme/paper/proxy.ts";

describe("the report's arithmetic", () => {
  it("is Java's pow and mod, also for negative bases", () => {
    const base = fc.integer({ min: -128, max: 65_535 });
    fc.assert(
      fc.property(base, fc.integer({ min: 0, max: 3_000 }), (b, e) => {
        const modulus = BigInt(PAPER_MODULUS);
        const java = ((BigInt(b) ** BigInt(e) % modulus) + modulus) % modulus;
        expect(paperPower(b, e)).toBe(Number(java));
      }),
    );
  });
});

describe("Enc", () => {
  it("takes bytes as signed", () => {
    // SHA-256("topic-1") begins f9 = −7: (−7)³ mod 3337 = 2994 = 0bb2.
    expect(enc("topic-1", EI1).slice(0, 4)).toBe("0bb2");
    expect(enc("topic-1", EI1)).toMatch(/^[0-9a-f]{128}$/);
  });
});

describe("ZEnc", () => {
  it("joins decimals without padding, and so confuses some", () => {
    // The bytes (d6, 56) and (e1, d3), signed, to the power of e.
    expect([-42, 86, -31, -45].map((byte) => paperPower(byte, E))).toEqual([364, 60, 36, 460]);
    expect(zenc("016c003c", 1)).toBe("36460");
    expect(zenc("002401cc", 1)).toBe("36460");
    expect(zenc("0bb2", 1)).toBe("2994");
    expect(zenc("", EI2)).toBe("");
  });

  it("reads a short last group, signs and capitals, as Java does", () => {
    expect(zenc("0BB2a", 1)).toBe("299410");
    expect(zenc("-001", 1)).toBe("3336");
    expect(zenc("+001", 1)).toBe("1");
  });

  it("answers nothing for what is not hexadecimal", () => {
    for (const name of ["__consumer_offsets", "00d6-", "00g6", "00 6", "\n"])
      expect(zenc(name, EI2)).toBe("");
  });

  it("is the same for producer and consumer", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), (topic) => {
        expect(zenc(enc(topic, EI1), EI2)).toBe(zenc(enc(topic, EJ1), EJ2));
        expect(compare(enc(topic, EI1), enc(topic, EJ1))).toBe(true);
        expect(compare(enc(topic, EI1), enc(`${topic}x`, EJ1))).toBe(false);
      }),
    );
  });
});

describe("enc_match", () => {
  const names = ["topic-1", "topic-2", "topic-3"].map((topic) => enc(topic, EI1));

  it("finds the topic of a trapdoor, with or without a path before it", () => {
    const trapdoor = enc("topic-2", EJ1);
    expect(encMatch(trapdoor, ["__consumer_offsets", ...names])).toBe(names[1]);
    expect(encMatch(`/enc_match/${trapdoor}`, names)).toBe(names[1]);
  });

  it("takes the first of several matches", () => {
    const trapdoor = enc("topic-1", EJ1);
    const [name] = names;
    const padded = name?.toUpperCase() ?? "";
    expect(encMatch(trapdoor, [padded, ...names])).toBe(padded);
  });

  it("finds nothing where nothing matches", () => {
    expect(encMatch(enc("topic-4", EJ1), names)).toBeNull();
    expect(encMatch(enc("topic-1", EJ1), [])).toBeNull();
  });

  it("answers in the report's words", () => {
    expect(encMatchAnswer({ topicName: "0bb2", brokerAddress: "10.0.0.1:9092" })).toBe(
      '{"topic_name":"0bb2","brokerAddress":"10.0.0.1:9092"}',
    );
    expect(encMatchAnswer(null)).toBe("Topic not found");
  });

  it("keeps the report's flaw: unreadable names are all equal", () => {
    expect(encMatch("not hexadecimal", ["__consumer_offsets"])).toBe("__consumer_offsets");
  });
});

describe("the report's keys", () => {
  it("are what UGen would have made", () => {
    expect(paperProxyHalf(EI1)).toBe(EI2);
    expect(paperProxyHalf(EJ1)).toBe(EJ2);
    expect(paperDecryptionExponent()).toBe(1019);
    expect((E * 1019) % PHI).toBe(1);
  });

  it("exist for clients that can be inverted only", () => {
    expect(() => paperProxyHalf(7)).toThrow("no inverse");
    expect((11 * paperProxyHalf(11)) % PHI).toBe(E);
  });
});

import { generatePrimeSync, getDiffieHellman } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { os2ip } from "../../../../core/scheme/bytes.ts";
import { lambdaOf } from "../../../../core/scheme/rsa/owner.ts";
import { checkVectors } from "../../../../core/scheme/vectors/check.ts";
import { attempt } from "../../../../core/scheme/vectors/comparison.ts";
import { FIXTURE_MASTER } from "../fixture-master.ts";
import { P, Q } from "../rsa/group.ts";
import { type Json, published, rsaFile, withWrongDigit } from "./files.ts";

const lambda = lambdaOf(P, Q);
const small = rsaFile({
  p: P,
  q: Q,
  lambda,
  e: os2ip(FIXTURE_MASTER.tag.e),
  half: lambda - 2n ** 100n - 1n,
  topics: ["Kühlraum/3", "x".repeat(1024)],
});
const badArgument = expect.objectContaining({ code: "BAD_ARGUMENT" });

function without(file: Json, ...names: string[]): Json {
  return Object.fromEntries(Object.entries(file).filter(([name]) => !names.includes(name)));
}

/** Each case of the file without some of its fields. */
function withoutInCases(file: Json & { cases: Json[] }, ...names: string[]): Json {
  return { ...file, cases: file.cases.map((one) => without(one, ...names)) };
}

describe("the published vectors", () => {
  it.each([
    ["rsa", 2],
    ["record", 1],
    ["paper", 3],
  ])("of %s agree with this build", (suite, cases) => {
    expect(checkVectors(published(suite))).toEqual({ suite, cases });
  });
});

describe("a file of suite rsa", () => {
  it("may be of another size, without public factors, with its fields in any order", () => {
    expect(checkVectors(small)).toEqual({ suite: "rsa", cases: 2 });
  });

  it("may be of 4,096 bits and with a public factor", () => {
    const p = os2ip(getDiffieHellman("modp14").getPrime());
    const q = generatePrimeSync(2048, { bigint: true, add: 4n, rem: 3n });
    const l = lambdaOf(p, q);
    const prime = { e: 1_000_003n, half: 1_000_033n };
    const file = rsaFile({ p, q, lambda: l, ...prime, topics: ["t"] });
    expect(checkVectors(file)).toEqual({ suite: "rsa", cases: 1 });
  });

  it.each([
    ["its factors", without(small, "p", "q")],
    ["the modulus", without(small, "N")],
    ["e", without(small, "e")],
    ["one half", without(small, "ea1")],
    ["the other half", without(small, "ea2")],
    ["h and T", withoutInCases(small, "h", "Ta")],
    ["C, tag and name", withoutInCases(small, "C", "tag", "name")],
  ])("may leave out %s", (_, file) => {
    expect(checkVectors(file)).toEqual({ suite: "rsa", cases: 2 });
  });

  it("tells what nothing in it can be held against", () => {
    const alone = without(small, "e", "ea1", "ea2");
    const Ta = ["cases[0].Ta", "cases[1].Ta"];
    expect(checkVectors(alone).unchecked).toEqual(Ta);
    expect(checkVectors(withoutInCases(alone as typeof small, "tag", "name")).unchecked).toEqual([
      "cases[0].C",
      "cases[0].Ta",
      "cases[1].C",
      "cases[1].Ta",
    ]);
    const halves = { ...without(small, "e", "ea2"), eb2: "3" };
    expect(checkVectors(withoutInCases(halves as unknown as typeof small, "Ta")).unchecked).toEqual(
      ["ea1: without ea2 or Ta", "eb2: without eb1 or Tb"],
    );
  });

  it("may have its numbers in its cases, under other names too", () => {
    const { cases, suite, ...numbers } = small;
    const inCases = { suite, cases: cases.map((one) => ({ ...numbers, ...one })) };
    expect(checkVectors(inCases)).toEqual({ suite: "rsa", cases: 2 });
    for (const name of ["N", "p", "q", "e", "ea1", "ea2"]) {
      const wrong = withWrongDigit(inCases, ["cases", 1, name], 3);
      expect(checkVectors(wrong).difference, name).toBeDefined();
    }
    const other = (one: Json): Json => {
      const { Ta, tag, e, ea1, ...rest } = one;
      return { ...rest, T_a: Ta, Tag: tag, E: e, e_a1: ea1 };
    };
    const renamed = { suite, cases: inCases.cases.map(other) };
    expect(checkVectors(renamed)).toEqual({ suite: "rsa", cases: 2 });
    for (const name of ["T_a", "Tag", "E", "e_a1"])
      expect(checkVectors(withWrongDigit(renamed, ["cases", 0, name], 9)).difference).toBeDefined();
  });

  it("says the first value that is wrong, wherever a digit is", () => {
    const paths = [
      ...["N", "p", "q", "e", "ea1", "ea2"].map((name) => [name]),
      ...["h", "Ta", "C", "tag"].flatMap((name) => [
        ["cases", 0, name],
        ["cases", 1, name],
      ]),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.nat(511), (path, at) => {
        const { difference } = checkVectors(withWrongDigit(small, path, at));
        expect(difference?.expected).not.toBe(difference?.got);
        if (path.length > 1) expect(difference?.where).toBe(`cases[${path[1]}].${path[2]}`);
      }),
      { numRuns: 60 },
    );
  });

  it("finds a wrong digit too where the factors are not said", () => {
    const file = without(small, "p", "q", "e");
    for (const name of ["N", "ea1", "ea2"])
      for (const at of [0, 100, 511])
        expect(checkVectors(withWrongDigit(file, [name], at)).difference).toBeDefined();
  });

  it("finds a wrong name, topic, tenant or epoch", () => {
    const [one] = small.cases;
    const wrong = [{ name: "veil-" }, { topic: "y" }, { tenant: "y" }, { epoch: 1 }];
    for (const value of wrong)
      expect(checkVectors({ ...small, cases: [{ ...one, ...value }] }).difference).toBeDefined();
  });

  it("shows a modulus that is refused, and why", () => {
    const file = { ...without(small, "p", "q"), N: `${"f".repeat(511)}e` };
    expect(checkVectors(file).difference).toMatchObject({ where: "N", expected: "accepted" });
    expect(checkVectors(file).difference?.got).toContain("odd");
  });

  it.each([
    ["no modulus", without(small, "N", "p")],
    ["no topic", withoutInCases(small, "topic")],
    ["no tenant", withoutInCases(small, "tenant")],
    ["no epoch", withoutInCases(small, "epoch")],
    ["no C in any way", without(withoutInCases(small, "C"), "e", "ea1", "ea2")],
    ["a number that is no hexadecimal", { ...small, e: "xyz" }],
    ["bytes of half a digit", { ...small, cases: [{ ...small.cases[0], tag: "abc" }] }],
    ["bytes that are no text", { ...small, cases: [{ ...small.cases[0], tag: [] }] }],
    ["a broken epoch", { ...small, cases: [{ ...small.cases[0], epoch: 1.5 }] }],
    ["cases that are no list", { ...small, cases: {} }],
    ["no case at all", { ...small, cases: [] }],
    [
      "a case that says nothing",
      withoutInCases(
        without(small, "ea1", "ea2") as typeof small,
        ...["h", "Ta", "C", "tag", "name"],
      ),
    ],
    ["a case of another suite", { ...small, cases: [{ ...small.cases[0], suite: "hmac" }] }],
    [
      "two names that contradict each other",
      { ...small, cases: [{ ...small.cases[0], Tag: "00" }] },
    ],
    ["a case that is no object", { ...small, cases: [7] }],
  ])("is refused with %s", (_, file) => {
    expect(() => checkVectors(file)).toThrow(badArgument);
  });
});

describe("a file of suite paper", () => {
  const file = published("paper");

  it("may leave out the keys, and everything but the topics", () => {
    const keys = ["N", "EI1", "EI2", "EJ1", "EJ2", "e", "d", "phi", "figures", "about"];
    expect(checkVectors(without(file, ...keys))).toEqual({ suite: "paper", cases: 3 });
    expect(checkVectors({ suite: "paper", cases: [{ topic: "t" }] }).difference).toBeUndefined();
  });

  it("may have other clients' keys", () => {
    const right = 2349;
    const other = { suite: "paper", EI1: 11, EI2: right, cases: [{ topic: "t" }] };
    expect((right * 11) % 3220).toBe(79);
    expect(checkVectors(other).difference).toBeUndefined();
    expect(checkVectors({ ...other, EI2: right + 1 }).difference?.where).toBe("EI2");
  });

  it("says the first value that is wrong", () => {
    for (const name of ["sha256", "enc_EI1", "trapdoor_EJ1"])
      for (const at of [0, 17, 127])
        expect(checkVectors(withWrongDigit(file, ["cases", 1, name], at)).difference?.where).toBe(
          `cases[1].${name}`,
        );
    const { difference } = checkVectors({ suite: "paper", cases: [{ topic: "t", zenc: "1" }] });
    expect(difference?.where).toBe("cases[0].zenc");
    for (const name of ["N", "EI1", "EI2", "EJ1", "EJ2", "e", "d", "phi"])
      expect(checkVectors({ ...file, [name]: 3 + Number(file[name]) }).difference).toBeDefined();
  });

  it("says where keys do not belong together in what they make only", () => {
    // Without EJ2 there is no relation to look at, and the report's EJ2 does not fit EJ1 = 19.
    const keys = { EI1: 3, EJ1: 19, topic: "t" };
    expect(checkVectors({ suite: "paper", ...keys }).difference?.where).toBe("topic");
  });
});

describe("a file of another shape", () => {
  it.each([{ suite: "rot13" }, { kind: "rot13" }])("is refused: %j", (json) => {
    expect(() => checkVectors(json)).toThrow("unknown vector shape");
  });

  it.each([
    ["nothing", null],
    ["a list", []],
    ["text", "rsa"],
    ["no suite", {}],
  ])("is refused: %s", (_, json) => {
    expect(() => checkVectors(json)).toThrow(badArgument);
  });
});

describe("attempt", () => {
  it("hides no error but the scheme's own", () => {
    expect(() =>
      attempt(() => {
        throw new TypeError("a fault of this build");
      }),
    ).toThrow(TypeError);
  });
});

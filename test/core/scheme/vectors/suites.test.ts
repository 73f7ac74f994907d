/** Vector files of suites `p256`, `hmac` and `pki`, of their records, and of the RFCs. */
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ORDER } from "../../../../core/scheme/p256/curve.ts";
import { checkVectors } from "../../../../core/scheme/vectors/check.ts";
import { ownVectors } from "../../../vectors/own-vectors.ts";
import { type Json, published, withWrongDigit } from "./files.ts";
import { hmacFile, p256File } from "./other-files.ts";

const badArgument = expect.objectContaining({ code: "BAD_ARGUMENT" });
const topics = ["Kühlraum/3", "x".repeat(1024)];
const p256 = p256File({ k: ORDER - 2n, half: 2n ** 200n + 1n, topics });
const hmac = hmacFile({ kc: randomBytes(32), ks: randomBytes(32), topics });

function without(file: Json, ...names: string[]): Json {
  return Object.fromEntries(Object.entries(file).filter(([name]) => !names.includes(name)));
}

/** The file, and each of its cases, without some fields. */
function stripped(file: Json & { cases: Json[] }, ...names: string[]): Json {
  const cases = file.cases.map((one) => without(one, ...names));
  return { ...without(file, ...names), cases };
}

/** The paths of all hexadecimal fields of a file and its first case. */
function hexPaths(file: Json): (string | number)[][] {
  const isHex = ([, value]: [string, unknown]): boolean =>
    typeof value === "string" && /^[0-9a-f]{16,}$/.test(value);
  const own = Object.entries(file).filter(isHex);
  const [first]: unknown[] = Array.isArray(file["cases"]) ? file["cases"] : [];
  const inCase = Object.entries(Object(first)).filter(isHex);
  return [...own.map(([name]) => [name]), ...inCase.map(([name]) => ["cases", 0, name])];
}

describe("the files of every suite", () => {
  it.each([
    ["p256", "p256", 2],
    ["hmac", "hmac", 1],
    ["pki", "pki", 2],
    ["record-p256", "record", 1],
    ["record-hmac", "record", 1],
    ["record-pki", "record", 1],
    ["record-rsa", "record", 4],
    ["rfc", "rfc", 20],
  ])("%s.json agrees with this build", (name, suite, cases) => {
    expect(checkVectors(published(name))).toEqual({ suite, cases });
  });

  it.each(Object.entries(ownVectors()))("%s is what own-vectors.ts makes", (name, file) => {
    expect(published(name.replace(".json", ""))).toEqual(file);
  });

  it.each(["p256", "hmac", "pki", "record-p256", "record-hmac", "record-pki"])(
    "%s.json: a wrong digit anywhere shows",
    (name) => {
      const file = published(name);
      const paths = hexPaths(file);
      expect(paths.length).toBeGreaterThan(4);
      for (const path of paths)
        for (const at of [0, 1, 13, 62, 63, 64, 127]) {
          const { difference } = checkVectors(withWrongDigit(file, path, at));
          expect(difference?.got, `${path.join(".")}[${at}]`).not.toBe(difference?.expected);
        }
    },
  );

  it("rfc.json: a wrong digit anywhere shows", () => {
    const file = published("rfc");
    const cases = Array.isArray(file["cases"]) ? file["cases"] : [];
    for (const at of cases.keys())
      for (const [, , name] of hexPaths({ cases: [cases[at]] }))
        for (const digit of [0, 7, 15]) {
          const changed = withWrongDigit(file, ["cases", at, String(name)], digit);
          const { difference } = checkVectors(changed);
          expect(difference?.where, `${at}.${name}`).toContain(`cases[${at}]`);
        }
  });
});

describe("a file of suite p256", () => {
  it("may be of any keys", () => {
    const scalars = fc.bigInt({ min: 1n, max: ORDER - 1n });
    fc.assert(
      fc.property(scalars, scalars, fc.string({ minLength: 1 }), (k, half, topic) => {
        const file = p256File({ k, half, topics: [topic] });
        expect(checkVectors(file)).toEqual({ suite: "p256", cases: 1 });
      }),
      { numRuns: 15 },
    );
  });

  it.each([
    ["k", ["k"]],
    ["a half", ["k_i1"]],
    ["the other half", ["k_i2"]],
    ["Hx, C, tag and name", ["Hx", "C", "tag", "name"]],
  ])("may leave out %s", (_, names) => {
    expect(checkVectors(stripped(p256, ...names))).toEqual({ suite: "p256", cases: 2 });
  });

  it("tells what nothing in it can be held against", () => {
    const T = ["cases[0].T", "cases[1].T"];
    expect(checkVectors(stripped(p256, "k", "k_i1", "k_i2")).unchecked).toEqual(T);
    expect(checkVectors(stripped(p256, "k_i1", "T")).unchecked).toEqual([
      "k_i2: without k_i1 or Ti",
    ]);
  });

  it("may have several clients, and keys in its cases", () => {
    const other = p256File({ k: ORDER - 2n, half: 77n, topics });
    const tokens = other.cases.map(({ T }) => T);
    const two: Json & { cases: Json[] } = {
      ...p256,
      k_j1: other["k_i1"],
      k_j2: other["k_i2"],
      cases: p256.cases.map((one, index) => ({ ...one, T_j: tokens[index] })),
    };
    expect(checkVectors(two)).toEqual({ suite: "p256", cases: 2 });
    for (const path of [["k_j1"], ["k_j2"], ["cases", 1, "T_j"]])
      expect(checkVectors(withWrongDigit(two, path, 60)).difference, path.join(".")).toBeDefined();
    const { cases, suite, ...keys } = two;
    const inCases: Json = { suite, cases: cases.map((one) => ({ ...keys, ...one })) };
    expect(checkVectors(inCases)).toEqual({ suite: "p256", cases: 2 });
    for (const name of ["k", "k_i1", "k_j2"])
      expect(
        checkVectors(withWrongDigit(inCases, ["cases", 1, name], 60)).difference,
      ).toBeDefined();
  });

  it("may say numbers without leading zeros", () => {
    const file = { ...p256, k_i1: String(p256["k_i1"]).replace(/^0+/, "") };
    expect(checkVectors(file).difference).toBeUndefined();
  });

  it.each([
    ["a k of 0", { ...p256, k: "00" }, "k"],
    ["a half not below n", { ...p256, k_i1: "f".repeat(64) }, "k_i1"],
    ["a half of 33 bytes", { ...p256, k_i2: `1${"0".repeat(64)}` }, "k_i2"],
    ["halves of another key", { ...p256, k: "02" }, "k_i1·k_i2 mod n"],
  ])("shows %s", (_, file, where) => {
    expect(checkVectors(file).difference?.where).toBe(where);
  });

  it("shows a wrong name, topic, tenant or epoch, and a T off the curve", () => {
    const [one] = p256.cases;
    const wrong = [{ name: "veil-" }, { topic: "y" }, { tenant: "y" }, { epoch: 1 }, { T: "01" }];
    for (const value of wrong)
      expect(checkVectors({ ...p256, cases: [{ ...one, ...value }] }).difference).toBeDefined();
    const off = { ...stripped(p256, "k", "k_i1"), cases: [{ ...one, T: "01" }] };
    expect(checkVectors(off).difference?.got).toContain("no element");
  });

  it.each([
    ["no topic", stripped(p256, "topic")],
    ["no tenant", stripped(p256, "tenant")],
    ["no C in any way", stripped(p256, "C", "k", "k_i2")],
    ["a number that is no hexadecimal", { ...p256, k: "xyz" }],
  ])("is refused with %s", (_, file) => {
    expect(() => checkVectors(file)).toThrow(badArgument);
  });
});

describe("a file of suite hmac", () => {
  it("may be of any keys", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (topic) => {
        const file = hmacFile({ kc: randomBytes(32), ks: randomBytes(32), topics: [topic] });
        expect(checkVectors(file)).toEqual({ suite: "hmac", cases: 1 });
      }),
      { numRuns: 20 },
    );
  });

  it.each([
    ["K_c", ["K_c"]],
    ["K_s", ["K_s"]],
    ["K_c and T", ["K_c", "T"]],
    ["C, tag and name", ["C", "tag", "name"]],
  ])("may leave out %s", (_, names) => {
    expect(checkVectors(stripped(hmac, ...names))).toEqual({ suite: "hmac", cases: 2 });
  });

  it("tells what nothing in it can be held against, and takes a token under any client's name", () => {
    const alone = stripped(hmac, "K_c", "K_s");
    expect(checkVectors(alone).unchecked).toEqual(["cases[0].T", "cases[1].T"]);
    const cases = hmac.cases.map(({ T, ...one }) => ({ ...one, T_i: T, T_j: T }));
    expect(checkVectors({ ...hmac, cases })).toEqual({ suite: "hmac", cases: 2 });
    const wrong = withWrongDigit({ ...hmac, cases }, ["cases", 1, "T_j"], 4);
    expect(() => checkVectors(wrong)).toThrow(badArgument);
  });

  it("shows a wrong digit wherever it is, also with one key only", () => {
    for (const file of [hmac, without(hmac, "K_c"), without(hmac, "K_s")])
      for (const path of hexPaths(file).filter(([first]) => first === "cases")) {
        // Without K_c nothing tells a wrong T but the C that follows from it.
        const { difference } = checkVectors(withWrongDigit(file, path, 5));
        expect(difference, path.join(".")).toBeDefined();
      }
  });

  it.each([
    ["no topic", stripped(hmac, "topic")],
    ["no C in any way", stripped(hmac, "C", "K_s")],
    ["a key of 31 bytes", { ...hmac, K_c: "11".repeat(31) }],
    ["half a byte", { ...hmac, K_c: "1" }],
    ["nothing to check", { suite: "hmac", tenant: "t", epoch: 1, topic: "t" }],
  ])("is refused with %s", (_, file) => {
    expect(() => checkVectors(file)).toThrow(badArgument);
  });
});

describe("a file of suite pki", () => {
  const pki = published("pki");

  it.each(["K_org", "K_s", "j", "sk", "pk"])("is refused without %s", (name) => {
    expect(() => checkVectors(without(pki, name))).toThrow(badArgument);
  });

  it("shows another consumer's name", () => {
    expect(checkVectors({ ...pki, j: "desk-8" }).difference?.where).toBe("cases[0].T_j");
  });
});

describe("a record file", () => {
  it.each([
    ["record-p256", "X"],
    ["record-p256", "x"],
    ["record-p256", "x_j1"],
    ["record-p256", "r"],
    ["record-hmac", "K_c"],
    ["record-hmac", "W"],
    ["record-pki", "K_org"],
    ["record-pki", "V"],
  ])("%s is refused without %s", (name, field) => {
    expect(() => checkVectors(without(published(name), field))).toThrow(badArgument);
  });

  it.each([
    ["record-p256", "0".repeat(64)],
    ["record-p256", "f".repeat(64)],
    ["record-hmac", "11".repeat(31)],
  ])("%s shows an r of %s", (name, r) => {
    expect(checkVectors({ ...published(name), r }).difference?.got).toContain("no r of this suite");
  });

  it("shows a suite that is not the record's, and refuses an unknown one", () => {
    const file = published("record-hmac");
    const other = { ...file, suite: "pki", K_org: file["K_c"] };
    expect(checkVectors(other).difference?.where).toBe("salt");
    const salted = without(other, "salt", "K", "iv", "commit", "kid");
    expect(checkVectors(salted).difference?.where).toBe("hdr");
    expect(() => checkVectors({ ...file, suite: "paper" })).toThrow(badArgument);
  });
});

describe("a file of RFC answers", () => {
  const cases = published("rfc")["cases"];

  it.each([
    "expand_message_xmd",
    "P256_XMD:SHA-256_SSWU_RO_",
    "HKDF-SHA-256",
    "Ed25519",
    "AES-256-KW",
  ])("has answers of %s, and none without its inputs", (algorithm) => {
    const own = Array.isArray(cases) ? cases.filter((one) => one.algorithm === algorithm) : [];
    expect(checkVectors({ kind: "rfc", cases: own })).toEqual({ suite: "rfc", cases: own.length });
    expect(own.length).toBeGreaterThan(0);
    expect(() => checkVectors({ kind: "rfc", cases: [{ algorithm }] })).toThrow(badArgument);
  });

  it("is refused with another algorithm", () => {
    expect(() => checkVectors({ kind: "rfc", cases: [{ algorithm: "ROT13" }] })).toThrow(
      badArgument,
    );
  });
});

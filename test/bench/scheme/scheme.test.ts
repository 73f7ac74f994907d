/** What the scheme's benchmark times is right: a fast wrong answer is none. */
import { expect, test } from "vitest";
import { EI1, EJ1, enc } from "../../../core/scheme/paper/client.ts";
import { EI2, EJ2, encMatch, zenc } from "../../../core/scheme/paper/proxy.ts";
import { listedEncMatch, listedZEnc } from "./listings.ts";
import { mastersOf } from "./masters.ts";
import { LookUp, Scan } from "./match.ts";
import { operationsOf } from "./roles.ts";

const NAMES = ["topic-1", "topic-2", "topic-3"];

test("the listings give what suite `paper` gives", () => {
  const stored = NAMES.map((name) => enc(name, EI1));
  for (const name of NAMES) {
    expect(listedZEnc(enc(name, EI1), EI2)).toBe(zenc(enc(name, EI1), EI2));
    const trapdoor = enc(name, EJ1);
    expect(listedZEnc(trapdoor, EJ2)).toBe(zenc(trapdoor, EJ2));
    expect(listedEncMatch(trapdoor, stored)).toBe(encMatch(trapdoor, stored));
    expect(listedEncMatch(trapdoor, stored)).toBe(enc(name, EI1));
  }
  expect(listedEncMatch(enc("topic-4", EJ1), stored)).toBeNull();
});

test("both sides find the topic in the middle, or say that they do not", () => {
  const scan = new Scan(7);
  expect(() => scan.listed().run()).not.toThrow();
  expect(() => scan.modular().run()).not.toThrow();
});

test("every master key can do every operation", async () => {
  const masters = await mastersOf([2048]);
  expect(masters.map(({ name }) => name)).toEqual(["rsa 2048", "p256", "hmac", "pki"]);
  for (const master of masters) {
    for (const run of Object.values(operationsOf(master))) expect(run).not.toThrow();
    const lookUp = new LookUp(master.name, { master: master.master, topics: 5 });
    expect(() => lookUp.contestant().run()).not.toThrow();
  }
});

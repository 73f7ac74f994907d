import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { bitLength, gcd, mod, modInverse } from "../../../../core/scheme/arithmetic.ts";
import { i2osp, os2ip } from "../../../../core/scheme/bytes.ts";
import { ownerTag, publicParameters, splitHalves } from "../../../../core/scheme/owner.ts";
import { hashToGroup } from "../../../../core/scheme/rsa/hash-to-group.ts";
import {
  checkPair,
  generateRsaMaster,
  lambdaOf,
  rsaCanonical,
} from "../../../../core/scheme/rsa/owner.ts";
import { FIXTURE_MASTER } from "../fixture-master.ts";
import { K, MODULUS, N, P, Q } from "./group.ts";

const LAMBDA = lambdaOf(P, Q);
const E = os2ip(FIXTURE_MASTER.tag.e);

/** A stream of random bytes of which the first answers are given. */
function recorded(first: bigint[]): (length: number) => Buffer {
  const rest = [...first];
  return (length) => {
    const next = rest.shift();
    return next === undefined ? randomBytes(length) : i2osp(next, length);
  };
}

describe("IGen", () => {
  const { tag, record } = FIXTURE_MASTER;
  const primes = (): (() => Promise<Buffer>) => {
    const list = [tag.p, tag.q, record.p, record.q];
    return async () => list.shift() ?? Promise.reject(new Error("five primes were asked for"));
  };

  it("makes two moduli of the exact size and a secret e in Z_λ^*", async () => {
    const options = { bits: 2048, random: randomBytes } as const;
    const master = await generateRsaMaster({ ...options, source: primes() });
    expect(master).toMatchObject({ tag: { p: tag.p, q: tag.q }, record });
    expect(master.tag.e).toHaveLength(K);
    const e = os2ip(master.tag.e);
    expect(e < LAMBDA && gcd(e, LAMBDA) === 1n && bitLength(e) >= 2048 - 64).toBe(true);
    expect(publicParameters(master)).toMatchObject({ suite: "rsa", nTag: i2osp(N, K) });
    const again = await generateRsaMaster({ ...options, source: primes() });
    expect(again.tag.e).not.toEqual(master.tag.e);
  });

  it("draws e again where it is 65537, even, a multiple of p' or not below λ", async () => {
    const good = LAMBDA - 2n ** 100n - 1n;
    expect(gcd(good, LAMBDA)).toBe(1n);
    const multiple = ((P - 1n) / 2n) * ((1n << 1022n) + 1n);
    const random = recorded([65_537n, LAMBDA - 1n - 2n ** 100n, multiple, LAMBDA + 1n, good]);
    const master = await generateRsaMaster({ bits: 2048, random, source: primes() });
    expect(os2ip(master.tag.e)).toBe(good);
  });
});

describe("UGen", () => {
  it("splits e, and d of 65537, as an integer identity modulo λ", () => {
    const { client, proxy } = splitHalves({
      master: FIXTURE_MASTER,
      random: randomBytes,
      consumer: true,
    });
    expect(mod(os2ip(client.tag) * os2ip(proxy.tag), LAMBDA)).toBe(E);
    const { p, q } = FIXTURE_MASTER.record;
    const lambda = lambdaOf(os2ip(p), os2ip(q));
    const [b, rest] = [client.record, proxy.record].map((half) => os2ip(half ?? Buffer.alloc(0)));
    expect(mod((b ?? 0n) * (rest ?? 0n) * 65_537n, lambda)).toBe(1n);
    for (const half of [client.tag, proxy.tag, client.record, proxy.record]) {
      expect(half).toHaveLength(K);
      expect(bitLength(os2ip(half ?? Buffer.alloc(0)))).toBeGreaterThanOrEqual(2048 - 64);
    }
  });

  it("gives every client halves of its own", () => {
    const split = () =>
      splitHalves({ master: FIXTURE_MASTER, random: randomBytes, consumer: false });
    expect(split().client.tag).not.toEqual(split().client.tag);
  });

  it("draws again where either half is short", () => {
    const shortClient = 3n;
    const clientOfShortProxy = mod(E * modInverse(5n, LAMBDA), LAMBDA);
    const good = LAMBDA - 2n ** 100n - 1n;
    const random = recorded([shortClient, clientOfShortProxy, good]);
    const { client } = splitHalves({ master: FIXTURE_MASTER, random, consumer: false });
    expect(os2ip(client.tag)).toBe(good);
  });

  it("holds a pair against the exponent", () => {
    expect(() =>
      checkPair({ client: 3n, proxy: 2173n, exponent: 79n, lambda: 3220n }),
    ).not.toThrow();
    expect(() => checkPair({ client: 3n, proxy: 2174n, exponent: 79n, lambda: 3220n })).toThrow(
      "do not multiply",
    );
  });

  it("refuses a master key of one prime, or with a public factor", () => {
    const { p, e } = FIXTURE_MASTER.tag;
    const master = { ...FIXTURE_MASTER, tag: { p, q: p, e } };
    expect(() => splitHalves({ master, random: randomBytes, consumer: false })).toThrow("the same");
    expect(() => publicParameters(master)).toThrow("the same");
  });
});

describe("the owner's tag", () => {
  it("is the canonical value without CRT", () => {
    const realm = { tenant: "acme", epoch: 7 };
    const topic = "plant/7/temperature";
    const plain = MODULUS.foldedPower(hashToGroup(MODULUS, realm, topic), FIXTURE_MASTER.tag.e);
    expect(rsaCanonical({ master: FIXTURE_MASTER, realm, topic })).toEqual(plain);
    expect(ownerTag({ master: FIXTURE_MASTER, realm, topic })).toHaveLength(32);
  });
});

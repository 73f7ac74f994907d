import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { i2osp, os2ip } from "../../../core/scheme/bytes.ts";
import { clientRole } from "../../../core/scheme/client.ts";
import { ownerTag, splitHalves } from "../../../core/scheme/owner.ts";
import { checkWrapped, proxyRole, releaseRole } from "../../../core/scheme/proxy.ts";
import { rsaPublicParameters } from "../../../core/scheme/rsa/owner.ts";
import { SUITE } from "../../../core/scheme/suite.ts";
import { kafkaTopicOf, tagOf } from "../../../core/scheme/tag.ts";
import { PUBLISHED_MODULUS } from "../../../core/scheme/vectors/published-modulus.ts";
import { FIXTURE_MASTER } from "./fixture-master.ts";

const master = FIXTURE_MASTER;
const parameters = rsaPublicParameters(master, {});
const realm = { tenant: "acme", epoch: 1 };
const K = 256;

function enrol() {
  const { client, proxy } = splitHalves({ master, random: randomBytes, consumer: true });
  return {
    client: clientRole({ realm, parameters, halves: client }),
    proxy: proxyRole({ realm, parameters, halves: proxy }),
    release: releaseRole({ realm, parameters, halves: proxy }),
    halves: { client, proxy },
  };
}

const alice = enrol();
const bob = enrol();

describe("tags", () => {
  it("are the same for every client and for the owner, while their tokens differ", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 60, unit: "grapheme" }), (topic) => {
        const tokens = [alice.client.token(topic), bob.client.token(topic)];
        expect(tokens[0]).not.toEqual(tokens[1]);
        const canonical = alice.proxy.transform(alice.client.token(topic));
        expect(bob.proxy.transform(bob.client.token(topic))).toEqual(canonical);
        expect(canonical).toHaveLength(K);
        expect(tagOf(SUITE.rsa, realm, canonical)).toEqual(ownerTag({ master, realm, topic }));
      }),
      { numRuns: 15 },
    );
  });

  it("differ by topic, tenant and epoch", () => {
    const tags = [
      ownerTag({ master, realm, topic: "a" }),
      ownerTag({ master, realm, topic: "b" }),
      ownerTag({ master, realm: { ...realm, epoch: 2 }, topic: "a" }),
      ownerTag({ master, realm: { ...realm, tenant: "acme2" }, topic: "a" }),
    ].map(kafkaTopicOf);
    expect(new Set(tags).size).toBe(4);
    for (const name of tags) expect(name).toMatch(/^veil-[a-z2-7]{52}$/);
  });

  it("do not come from one client's token under another's proxy half", () => {
    const own = alice.proxy.transform(alice.client.token("t"));
    expect(bob.proxy.transform(alice.client.token("t"))).not.toEqual(own);
  });

  it("come from well-formed tokens only", () => {
    const token = alice.client.token("t");
    expect(() => alice.proxy.checkToken(token)).not.toThrow();
    const n = os2ip(parameters.nTag);
    const malformed = [
      token.subarray(1),
      Buffer.concat([Buffer.alloc(1), token]),
      i2osp(0, K),
      i2osp(1, K),
      i2osp(n - 1n, K),
      i2osp(n - os2ip(token), K),
    ];
    for (const bytes of malformed) {
      expect(() => alice.proxy.checkToken(bytes)).toThrow(
        expect.objectContaining({ code: "BAD_TOKEN" }),
      );
      expect(() => alice.proxy.transform(bytes)).toThrow(
        expect.objectContaining({ code: "BAD_TOKEN" }),
      );
    }
  });
});

describe("record keys", () => {
  it("go from any producer through the proxy to any consumer", () => {
    for (const producer of [alice, bob]) {
      const { ikm, wrapped } = producer.client.wrap(randomBytes);
      expect([ikm.length, wrapped.length]).toEqual([K, K]);
      expect(() => checkWrapped(parameters, wrapped)).not.toThrow();
      for (const consumer of [alice, bob])
        expect(consumer.client.unwrap(consumer.release.release(wrapped))).toEqual(ikm);
    }
  });

  it("are drawn anew, k + 16 bytes at a time", () => {
    const asked: number[] = [];
    const random = (length: number): Buffer => {
      asked.push(length);
      return randomBytes(length);
    };
    const [one, two] = [alice.client.wrap(random), alice.client.wrap(random)];
    expect(one.ikm).not.toEqual(two.ikm);
    expect(asked).toEqual([K + 16, K + 16]);
  });

  it("do not come out with another consumer's release", () => {
    const { ikm, wrapped } = alice.client.wrap(randomBytes);
    expect(alice.client.unwrap(bob.release.release(wrapped))).not.toEqual(ikm);
  });

  it("are refused where W or V is no element", () => {
    const n = os2ip(parameters.nRec);
    for (const bytes of [Buffer.alloc(0), i2osp(1, K), i2osp(n - 1n, K), i2osp(4, K - 1)]) {
      const badRecord = expect.objectContaining({ code: "BAD_RECORD" });
      expect(() => checkWrapped(parameters, bytes)).toThrow(badRecord);
      expect(() => alice.release.release(bytes)).toThrow(badRecord);
      expect(() => alice.client.unwrap(bytes)).toThrow(
        expect.objectContaining({ code: "BAD_KEY" }),
      );
    }
  });

  it("are for consumers: a producer has no record halves", () => {
    const { client, proxy } = splitHalves({ master, random: randomBytes, consumer: false });
    expect([client.record, proxy.record]).toEqual([undefined, undefined]);
    const producer = clientRole({ realm, parameters, halves: client });
    const { wrapped } = producer.wrap(randomBytes);
    expect(bob.client.unwrap(bob.release.release(wrapped))).toHaveLength(K);
    expect(() => producer.unwrap(wrapped)).toThrow("no consumer");
    expect(() => releaseRole({ realm, parameters, halves: proxy })).toThrow("no consumer");
  });
});

describe("roles", () => {
  it("say whose they are", () => {
    expect(alice.client).toMatchObject({ suite: SUITE.rsa, realm });
    expect(alice.proxy).toMatchObject({ suite: SUITE.rsa, realm });
  });

  it("refuse halves outside 1 < half < N", () => {
    for (const bad of [i2osp(1, K), i2osp(7, 1), parameters.nTag]) {
      const halves = { tag: bad };
      expect(() => clientRole({ realm, parameters, halves })).toThrow("a half must");
      expect(() => proxyRole({ realm, parameters, halves })).toThrow("a half must");
      const record = { ...alice.halves.client, record: i2osp(1, K) };
      expect(() => clientRole({ realm, parameters, halves: record })).toThrow("a half must");
      expect(() => releaseRole({ realm, parameters, halves: record })).toThrow("a half must");
    }
  });

  it("refuse the modulus of the published vectors unless asked", () => {
    const published = Buffer.from(PUBLISHED_MODULUS, "hex");
    const halves = { tag: i2osp(3, 384), record: i2osp(3, 384) };
    for (const vectors of [
      { suite: "rsa", nTag: published, nRec: parameters.nRec },
      { suite: "rsa", nTag: parameters.nTag, nRec: published },
    ] as const)
      expect(() => clientRole({ realm, parameters: vectors, halves })).toThrow("public factor");
    const vectors = { suite: "rsa", nTag: published, nRec: published } as const;
    const wrapped = i2osp(4, 384);
    expect(() => proxyRole({ realm, parameters: vectors, halves })).toThrow("public factor");
    expect(() => releaseRole({ realm, parameters: vectors, halves })).toThrow("public factor");
    expect(() => checkWrapped(vectors, wrapped)).toThrow("public factor");
    const allowPublicFactors = true;
    const role = proxyRole({ realm, parameters: vectors, halves, allowPublicFactors });
    expect(role.transform(wrapped)).toEqual(i2osp(64, 384));
    expect(() => checkWrapped(vectors, wrapped, { allowPublicFactors })).not.toThrow();
  });
});

/** What holds in every suite, through the one interface. */
import { createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clientRole } from "../../../core/scheme/client.ts";
import type { Realm } from "../../../core/scheme/context.ts";
import {
  clientHalvesOf,
  generateMaster,
  type Master,
  ownerTag,
  publicParameters,
  splitHalves,
} from "../../../core/scheme/owner.ts";
import { checkWrapped, proxyRole, releaseRole } from "../../../core/scheme/proxy.ts";
import { AEAD, splitRecord } from "../../../core/scheme/record/header.ts";
import { deriveRecordKey } from "../../../core/scheme/record/key.ts";
import { openSplit } from "../../../core/scheme/record/open.ts";
import { sealRecord } from "../../../core/scheme/record/seal.ts";
import { SUITE, signsTrapdoors } from "../../../core/scheme/suite.ts";
import { kafkaTopicOf, tagOf } from "../../../core/scheme/tag.ts";
import { FIXTURE_MASTER } from "./fixture-master.ts";

const REALM = { tenant: "acme", epoch: 1 };
const random = randomBytes;

/** Key and value lengths in bytes: of a token, a trapdoor, W and the IKM. */
const LENGTHS = {
  rsa: { token: 256, trapdoor: 256, wrapped: 256, ikm: 256 },
  p256: { token: 32, trapdoor: 32, wrapped: 32, ikm: 32 },
  hmac: { token: 32, trapdoor: 32, wrapped: 40, ikm: 32 },
  pki: { token: 32, trapdoor: 96, wrapped: 40, ikm: 32 },
} as const;

const SUITES: readonly { name: Master["suite"]; master: Master }[] = [
  { name: "rsa", master: FIXTURE_MASTER },
  { name: "p256", master: await generateMaster({ suite: "p256", random }) },
  { name: "hmac", master: await generateMaster({ suite: "hmac", random }) },
  { name: "pki", master: await generateMaster({ suite: "pki", random }) },
];

/** A client with both sides of it; as a producer, or as a consumer with a signing key. */
function enrol(
  master: Master,
  id: string,
  { consumer, realm = REALM }: { consumer: boolean; realm?: Realm },
) {
  const parameters = publicParameters(master);
  const { client, proxy } = splitHalves({ master, random, consumer });
  const { privateKey: signingKey, publicKey } = generateKeyPairSync("ed25519");
  const own = consumer ? { id, signingKey } : undefined;
  const known = consumer ? { id, publicKey } : undefined;
  return {
    client: clientRole({ realm, parameters, halves: client, consumer: own }),
    proxy: proxyRole({ realm, parameters, halves: proxy, consumer: known }),
    input: { realm, parameters, halves: proxy },
    halves: { client, proxy },
    signingKey,
  };
}

const topics = fc.string({ minLength: 1, maxLength: 60, unit: "grapheme" });

describe.each(SUITES)("suite $name: halves", ({ master }) => {
  it.each([true, false])("of a client follow from the bridge's (a consumer: %s)", (consumer) => {
    const { client, proxy } = splitHalves({ master, random, consumer });
    expect(clientHalvesOf({ master, proxy })).toEqual(client);
  });
});

/** Short texts of few letters, so that the same bytes cut elsewhere are among them. */
const places = fc.record({
  suite: fc.constantFrom(...SUITES),
  tenant: fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom("a", "b", "1") }),
  epoch: fc.integer({ min: 0, max: 3 }),
  topic: fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom("a", "b", "1", "\u0000") }),
});

it("tags of different topics, tenants, epochs and suites never collide", {
  timeout: 60_000,
}, () => {
  const seen = new Map<string, string>();
  fc.assert(
    fc.property(places, ({ suite: { name, master }, tenant, epoch, topic }) => {
      // One master key for all tenants and epochs of a suite: more than any owner has.
      const tag = ownerTag({ master, realm: { tenant, epoch }, topic }).toString("hex");
      const place = JSON.stringify([name, tenant, epoch, topic]);
      expect(seen.get(tag) ?? place).toBe(place);
      seen.set(tag, place);
    }),
    { numRuns: 600 },
  );
  expect(seen.size).toBeGreaterThan(300);
});

describe.each(SUITES)("suite $name: tags", ({ name, master }) => {
  const members = [
    enrol(master, "i", { consumer: false }),
    enrol(master, "j", { consumer: true }),
    enrol(master, "k", { consumer: true }),
  ];

  it("are the same for every producer, every consumer and the owner", () => {
    fc.assert(
      fc.property(topics, (topic) => {
        const tags = members.map(({ client, proxy }) =>
          tagOf(proxy.suite, REALM, proxy.transform(client.token(topic))),
        );
        const expected = ownerTag({ master, realm: REALM, topic });
        expect(tags).toEqual([expected, expected, expected]);
      }),
      { numRuns: name === "rsa" ? 5 : 25 },
    );
  });

  it("come from tokens that say the same thing each time, in the suite's length", () => {
    for (const [at, { client }] of members.entries()) {
      expect(client.token("t")).toHaveLength(LENGTHS[name][at === 0 ? "token" : "trapdoor"]);
      expect(client.token("t")).toEqual(client.token("t"));
    }
  });

  it("differ by topic, tenant and epoch, and so do tokens", () => {
    const elsewhere = [
      { realm: REALM, topic: "a" },
      { realm: REALM, topic: "b" },
      { realm: REALM, topic: "a\u0000" },
      { realm: { tenant: "acme", epoch: 2 }, topic: "a" },
      { realm: { tenant: "acme2", epoch: 1 }, topic: "a" },
      // The same bytes, cut elsewhere.
      { realm: { tenant: "acm", epoch: 1 }, topic: "ea" },
    ];
    const parameters = publicParameters(master);
    const halves = members[0]?.halves.client;
    if (!halves) throw new Error("no member");
    const tags = elsewhere.map((place) => ownerTag({ master, ...place }).toString("hex"));
    const tokens = elsewhere.map(({ realm, topic }) =>
      clientRole({ realm, parameters, halves }).token(topic).toString("hex"),
    );
    expect([new Set(tags).size, new Set(tokens).size]).toEqual([6, 6]);
  });

  it("refuse a token of every other length", () => {
    for (const { client, proxy } of members) {
      const token = client.token("t");
      for (const wrong of [
        Buffer.alloc(0),
        token.subarray(1),
        token.subarray(0, -1),
        Buffer.concat([token, Buffer.alloc(1)]),
        Buffer.concat([Buffer.alloc(1), token]),
      ]) {
        expect(() => proxy.checkToken(wrong)).toThrow(code("BAD_TOKEN"));
        expect(() => proxy.transform(wrong)).toThrow(code("BAD_TOKEN"));
      }
    }
  });

  it("are not reached by a token with a bit changed", () => {
    fc.assert(
      fc.property(fc.constantFrom(...members), fc.nat(8 * 96 - 1), (member, at) => {
        const { client, proxy } = member;
        const token = Buffer.from(client.token("t"));
        const byte = (at >> 3) % token.length;
        token.writeUInt8(token.readUInt8(byte) ^ (1 << (at & 7)), byte);
        const right = proxy.transform(client.token("t"));
        const reached = orRefused(() => proxy.transform(token), "BAD_TOKEN");
        expect(reached).not.toEqual(right);
      }),
      { numRuns: name === "rsa" ? 20 : 100 },
    );
  });
});

describe("tags of different suites", () => {
  it("never collide, also where two suites have the same keys", () => {
    const [sharedKey, proxyKey] = [randomBytes(32), randomBytes(32)];
    const masters: Master[] = [
      ...SUITES.map(({ master }) => master),
      { suite: "hmac", sharedKey, proxyKey },
      { suite: "pki", sharedKey, proxyKey },
    ];
    const tags = masters.map((master) => ownerTag({ master, realm: REALM, topic: "t" }));
    expect(new Set(tags.map((tag) => tag.toString("hex"))).size).toBe(masters.length);
  });

  it("bind the suite's number even to the same C", () => {
    const tags = Object.values(SUITE).map((id) => tagOf(id, REALM, Buffer.alloc(32)));
    expect(new Set(tags.map((tag) => tag.toString("hex"))).size).toBe(5);
  });

  it("make a topic's name that Kafka takes, however long C is", () => {
    for (const id of Object.values(SUITE))
      expect(kafkaTopicOf(tagOf(id, REALM, Buffer.alloc(512, 0xff)))).toMatch(
        /^[a-zA-Z0-9._-]{1,249}$/,
      );
  });
});

describe.each(SUITES)("suite $name: record keys", ({ name, master }) => {
  const producer = enrol(master, "i", { consumer: false });
  const consumer = enrol(master, "j", { consumer: true });
  const other = enrol(master, "k", { consumer: true });
  const parameters = publicParameters(master);

  it("go from any client through the proxy to any consumer", () => {
    for (const from of [producer, consumer]) {
      const { ikm, wrapped } = from.client.wrap(randomBytes);
      expect([ikm.length, wrapped.length]).toEqual([LENGTHS[name].ikm, LENGTHS[name].wrapped]);
      checkWrapped(parameters, wrapped);
      for (const to of [consumer, other]) {
        const released = releaseRole(to.input).release(wrapped);
        expect(released).toHaveLength(LENGTHS[name].wrapped);
        expect(to.client.unwrap(released)).toEqual(ikm);
      }
    }
  });

  it("carry a record whole, and no record that was changed", () => {
    const { ikm, wrapped } = producer.client.wrap(randomBytes);
    const bound = { suite: SUITE[name], aead: AEAD.aes256Gcm, realm: REALM, topic: "t" };
    const key = deriveRecordKey({ ...bound, producerId: "i", ikm });
    const plaintext = Buffer.from('[{"v":1}]');
    const record = sealRecord({ key, seq: 0n, timeMs: 1, plaintext, padded: true });
    const opened = consumer.client.unwrap(releaseRole(consumer.input).release(wrapped));
    const producerKey = createPublicKey(producer.signingKey);
    const again = deriveRecordKey({ ...bound, producerId: "i", ikm: opened });
    const open = (bytes: Buffer) =>
      openSplit(splitRecord(bytes), { key: again, producerKey, signs: false });
    expect(open(record)).toEqual(plaintext);
    for (let byte = 0; byte < record.length; byte++) {
      const changed = Buffer.from(record);
      changed.writeUInt8(changed.readUInt8(byte) ^ 0x01, byte);
      expect(() => open(changed), `byte ${byte}`).toThrow(
        expect.objectContaining({ name: "VeilError" }),
      );
    }
  });

  it("do not come out of a W with a bit changed", () => {
    const { ikm, wrapped } = producer.client.wrap(randomBytes);
    fc.assert(
      fc.property(fc.nat(8 * wrapped.length - 1), (at) => {
        const changed = Buffer.from(wrapped);
        changed.writeUInt8(changed.readUInt8(at >> 3) ^ (1 << (at & 7)), at >> 3);
        const got = orRefused(
          () => consumer.client.unwrap(releaseRole(consumer.input).release(changed)),
          name === "rsa" || name === "p256" ? "BAD_RECORD" : "BAD_KEY",
        );
        expect(got).not.toEqual(ikm);
      }),
      { numRuns: name === "rsa" ? 10 : 60 },
    );
  });

  it("are refused in every other length", () => {
    const { wrapped } = producer.client.wrap(randomBytes);
    for (const wrong of [
      Buffer.alloc(0),
      wrapped.subarray(1),
      Buffer.concat([wrapped, Buffer.alloc(8)]),
    ]) {
      expect(() => checkWrapped(parameters, wrong)).toThrow(code("BAD_RECORD"));
      expect(() => releaseRole(consumer.input).release(wrong)).toThrow(code("BAD_RECORD"));
      expect(() => consumer.client.unwrap(wrong)).toThrow(code("BAD_KEY"));
    }
  });

  it("are for consumers: a producer has no record halves", () => {
    expect(producer.halves.client.record).toBeUndefined();
    expect(producer.halves.proxy.record).toBeUndefined();
    const { wrapped } = producer.client.wrap(randomBytes);
    expect(() => producer.client.unwrap(wrapped)).toThrow("no consumer");
    expect(() => releaseRole(producer.input)).toThrow("no consumer");
  });

  it("are drawn anew each time", () => {
    const [one, two] = [producer.client.wrap(randomBytes), producer.client.wrap(randomBytes)];
    expect(one.ikm).not.toEqual(two.ikm);
    expect(one.wrapped).not.toEqual(two.wrapped);
  });
});

describe("IGen", () => {
  it("makes a master key of the suite that is asked for, and never the same twice", async () => {
    for (const suite of ["p256", "hmac", "pki"] as const) {
      const [one, two] = [
        await generateMaster({ suite, random }),
        await generateMaster({ suite, random }),
      ];
      expect([one.suite, two.suite]).toEqual([suite, suite]);
      expect(one).not.toEqual(two);
    }
    const { tag, record } = FIXTURE_MASTER;
    const primes = [tag.p, tag.q, record.p, record.q];
    const source = async (): Promise<Buffer> => primes.shift() ?? Buffer.alloc(0);
    const master = await generateMaster({ suite: "rsa", bits: 2048, random, source });
    expect(master).toMatchObject({ suite: "rsa", tag: { p: tag.p, q: tag.q }, record });
  });
});

describe.each(SUITES)("suite $name: roles", ({ name, master }) => {
  it("say whose they are", () => {
    const { client, proxy } = enrol(master, "j", { consumer: true });
    expect(client).toMatchObject({ suite: SUITE[name], realm: REALM });
    expect(proxy).toMatchObject({ suite: SUITE[name], realm: REALM });
    expect(publicParameters(master).suite).toBe(name);
  });

  it("say whether a consumer's trapdoor is another than its token", () => {
    const parameters = publicParameters(master);
    const { client: halves } = splitHalves({ master, random, consumer: true });
    const input = { realm: REALM, parameters, halves };
    const { privateKey: signingKey } = generateKeyPairSync("ed25519");
    const token = clientRole(input).token("t");
    const trapdoor = clientRole({ ...input, consumer: { id: "j", signingKey } }).token("t");
    expect(signsTrapdoors(name)).toBe(!trapdoor.equals(token));
  });

  it("refuse halves of another length", () => {
    const parameters = publicParameters(master);
    for (const half of [Buffer.alloc(0), randomBytes(31), randomBytes(33)]) {
      const input = { realm: REALM, parameters, halves: { tag: half } };
      expect(() => clientRole(input)).toThrow(code("BAD_ARGUMENT"));
      expect(() => proxyRole(input)).toThrow(code("BAD_ARGUMENT"));
      const { client, proxy } = splitHalves({ master, random, consumer: true });
      const record = randomBytes(33);
      expect(() => clientRole({ ...input, halves: { ...client, record } })).toThrow(
        code("BAD_ARGUMENT"),
      );
      expect(() => releaseRole({ ...input, halves: { ...proxy, record } })).toThrow(
        code("BAD_ARGUMENT"),
      );
    }
  });
});

function code(name: string) {
  return expect.objectContaining({ code: name });
}

/** What comes out, or nothing where it is refused with this code. */
function orRefused(compute: () => Buffer, refusal: string): Buffer | undefined {
  try {
    return compute();
  } catch (error) {
    expect(error).toEqual(code(refusal));
    return undefined;
  }
}

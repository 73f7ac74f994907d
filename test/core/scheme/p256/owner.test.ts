import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mod } from "../../../../core/scheme/arithmetic.ts";
import { i2osp, os2ip } from "../../../../core/scheme/bytes.ts";
import { clientRole } from "../../../../core/scheme/client.ts";
import { ownerTag, publicParameters, splitHalves } from "../../../../core/scheme/owner.ts";
import { acceptScalar, ORDER } from "../../../../core/scheme/p256/curve.ts";
import { generateP256Master } from "../../../../core/scheme/p256/owner.ts";
import { releaseRole } from "../../../../core/scheme/proxy.ts";

const realm = { tenant: "acme", epoch: 1 };
const scalars = fc.bigInt({ min: 1n, max: ORDER - 1n }).map((value) => i2osp(value, 32));
const badArgument = expect.objectContaining({ code: "BAD_ARGUMENT" });

describe("IGen", () => {
  it("draws two keys, and publishes the one of records only", () => {
    const master = generateP256Master(randomBytes);
    expect(master.tag).not.toEqual(master.record);
    const xRec = acceptScalar(master.record).timesGenerator();
    expect(publicParameters(master)).toEqual({ suite: "p256", xRec });
  });
});

describe("UGen", () => {
  it("splits both keys, as integer identities modulo n", () => {
    fc.assert(
      fc.property(scalars, scalars, (tag, record) => {
        const { client, proxy } = splitHalves({
          master: { suite: "p256", tag, record },
          random: randomBytes,
          consumer: true,
        });
        for (const [one, other, key] of [
          [client.tag, proxy.tag, tag],
          [client.record, proxy.record, record],
        ]) {
          if (!one || !other || !key) throw new Error("a half is missing");
          expect([one.length, other.length]).toEqual([32, 32]);
          expect(mod(os2ip(one) * os2ip(other), ORDER)).toBe(os2ip(key));
        }
        expect(client.tag).not.toEqual(client.record);
      }),
      { numRuns: 30 },
    );
  });

  it("gives no two clients the same half", () => {
    const master = generateP256Master(randomBytes);
    const halves = Array.from({ length: 20 }, () =>
      splitHalves({ master, random: randomBytes, consumer: false }),
    ).flatMap(({ client, proxy }) => [client.tag.toString("hex"), proxy.tag.toString("hex")]);
    expect(new Set(halves).size).toBe(40);
  });

  it.each([
    ["0", i2osp(0, 32)],
    ["n", i2osp(ORDER, 32)],
    ["31 bytes", randomBytes(31)],
  ])("refuses a master key of %s", (_, bad) => {
    const good = i2osp(7, 32);
    const input = { random: randomBytes, consumer: true };
    const [badTag, badRecord] = [
      { suite: "p256", tag: bad, record: good },
      { suite: "p256", tag: good, record: bad },
    ] as const;
    expect(() => splitHalves({ ...input, master: badTag })).toThrow(badArgument);
    expect(() => splitHalves({ ...input, master: badRecord })).toThrow(badArgument);
    expect(() => publicParameters(badRecord)).toThrow(badArgument);
    expect(() => ownerTag({ master: badTag, realm, topic: "t" })).toThrow(badArgument);
  });
});

describe("record keys", () => {
  const master = generateP256Master(randomBytes);
  const parameters = publicParameters(master);
  const enrol = () => splitHalves({ master, random: randomBytes, consumer: true });

  it("do not come out with another consumer's release", () => {
    const [alice, bob] = [enrol(), enrol()];
    const client = clientRole({ realm, parameters, halves: alice.client });
    const { ikm, wrapped } = client.wrap(randomBytes);
    const released = releaseRole({ realm, parameters, halves: bob.proxy }).release(wrapped);
    expect(client.unwrap(released)).not.toEqual(ikm);
  });

  it("are of r·G and r·X for the recorded r, 32 bytes at a time", () => {
    const { client } = enrol();
    const r = i2osp(0x123456789n, 32);
    const lengths: number[] = [];
    const { ikm, wrapped } = clientRole({ realm, parameters, halves: client }).wrap((length) => {
      lengths.push(length);
      return r;
    });
    expect(wrapped).toEqual(acceptScalar(r).timesGenerator());
    expect(ikm).toEqual(acceptScalar(master.record).times(wrapped));
    expect(lengths).toEqual([32]);
  });

  it("refuse a released value off the curve, and a public key that is none", () => {
    const { client } = enrol();
    const role = clientRole({ realm, parameters, halves: client });
    expect(() => role.unwrap(i2osp(1, 32))).toThrow(expect.objectContaining({ code: "BAD_KEY" }));
    const off = { suite: "p256", xRec: i2osp(1, 32) } as const;
    expect(() => clientRole({ realm, parameters: off, halves: client })).toThrow(badArgument);
  });
});

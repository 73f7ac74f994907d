/** Record keys of suites `hmac` and `pki`: the wrapping key, and what the bridge's empty half says. */
import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { clientRole } from "../../../../core/scheme/client.ts";
import { generateMaster, ownerTag, splitHalves } from "../../../../core/scheme/owner.ts";
import { releaseRole } from "../../../../core/scheme/proxy.ts";

const realm = { tenant: "acme", epoch: 1 };
const random = randomBytes;
const badArgument = expect.objectContaining({ code: "BAD_ARGUMENT" });
const badKey = expect.objectContaining({ code: "BAD_KEY" });

describe.each(["hmac", "pki"] as const)("suite %s", (suite) => {
  const parameters = { suite };

  it("gives every client the one key, the bridge the other, and tells nobody both", async () => {
    const master = await generateMaster({ suite, random });
    const one = splitHalves({ master, random, consumer: true });
    const two = splitHalves({ master, random, consumer: false });
    expect(two.client.tag).toEqual(one.client.tag);
    expect(two.proxy.tag).toEqual(one.proxy.tag);
    expect(one.client.record).toEqual(one.client.tag);
    expect(one.proxy.record).toEqual(Buffer.alloc(0));
    expect(one.client.tag).not.toEqual(one.proxy.tag);
  });

  it("wraps r itself: the 32 bytes that were drawn", () => {
    const r = Buffer.alloc(32, 7);
    const role = clientRole({ realm, parameters, halves: { tag: Buffer.alloc(32, 1) } });
    const { ikm, wrapped } = role.wrap((length) => r.subarray(0, length));
    expect(ikm).toEqual(r);
    expect(wrapped).toHaveLength(40);
  });

  it("opens nothing of another tenant, epoch or key", () => {
    const halves = { tag: Buffer.alloc(32, 1), record: Buffer.alloc(32, 1) };
    const { wrapped } = clientRole({ realm, parameters, halves }).wrap(random);
    const elsewhere = [
      { realm: { tenant: "acme", epoch: 2 }, parameters, halves },
      { realm: { tenant: "acme2", epoch: 1 }, parameters, halves },
      { realm, parameters, halves: { ...halves, record: Buffer.alloc(32, 2) } },
    ];
    for (const input of elsewhere) expect(() => clientRole(input).unwrap(wrapped)).toThrow(badKey);
  });

  it("opens nothing with any byte changed", () => {
    const halves = { tag: Buffer.alloc(32, 1), record: Buffer.alloc(32, 1) };
    const role = clientRole({ realm, parameters, halves });
    const { wrapped } = role.wrap(random);
    for (let byte = 0; byte < wrapped.length; byte++) {
      const changed = Buffer.from(wrapped);
      changed.writeUInt8(changed.readUInt8(byte) ^ 0x80, byte);
      expect(() => role.unwrap(changed), `byte ${byte}`).toThrow(badKey);
    }
  });

  it("hands W on unchanged, as bytes of its own", () => {
    const proxy = { tag: Buffer.alloc(32, 2), record: Buffer.alloc(0) };
    const wrapped = randomBytes(40);
    const released = releaseRole({ realm, parameters, halves: proxy }).release(wrapped);
    expect(released).toEqual(wrapped);
    wrapped.fill(0);
    expect(released).not.toEqual(wrapped);
  });

  it("refuses master keys of another length", () => {
    const [good, bad] = [Buffer.alloc(32, 1), Buffer.alloc(31, 1)];
    for (const master of [
      { suite, sharedKey: bad, proxyKey: good },
      { suite, sharedKey: good, proxyKey: bad },
    ]) {
      expect(() => splitHalves({ master, random, consumer: true })).toThrow(badArgument);
      expect(() => ownerTag({ master, realm, topic: "t" })).toThrow(badArgument);
    }
  });
});

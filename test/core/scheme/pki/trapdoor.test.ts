/** The signature of a consumer's trapdoor, which only suite `pki` has. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { clientRole } from "../../../../core/scheme/client.ts";
import { splitHalves } from "../../../../core/scheme/owner.ts";
import { generatePkiMaster } from "../../../../core/scheme/pki/owner.ts";
import { proxyRole } from "../../../../core/scheme/proxy.ts";
import type { ClientInput, ProxyInput } from "../../../../core/scheme/suite.ts";

const realm = { tenant: "acme", epoch: 1 };
const parameters = { suite: "pki" } as const;
const master = generatePkiMaster(randomBytes);
const { client, proxy } = splitHalves({ master, random: randomBytes, consumer: true });
const alice = generateKeyPairSync("ed25519");
const bob = generateKeyPairSync("ed25519");
const badToken = expect.objectContaining({ code: "BAD_TOKEN" });

function trapdoor(changes: Partial<ClientInput> = {}): Buffer {
  const consumer = { id: "alice", signingKey: alice.privateKey };
  return clientRole({ realm, parameters, halves: client, consumer, ...changes }).token("t");
}

function bridge(changes: Partial<ProxyInput> = {}) {
  const consumer = { id: "alice", publicKey: alice.publicKey };
  return proxyRole({ realm, parameters, halves: proxy, consumer, ...changes });
}

describe("a trapdoor", () => {
  it("is a producer's token with a signature behind it, and ends in the same C", () => {
    const token = trapdoor({ consumer: undefined });
    expect(trapdoor().subarray(0, 32)).toEqual(token);
    expect(bridge().transform(trapdoor())).toEqual(
      bridge({ consumer: undefined }).transform(token),
    );
  });

  it.each([
    ["with another consumer's key", { consumer: { id: "alice", publicKey: bob.publicKey } }],
    ["under another consumer's name", { consumer: { id: "alice2", publicKey: alice.publicKey } }],
    ["in another tenant", { realm: { tenant: "acme2", epoch: 1 } }],
    ["in another epoch", { realm: { tenant: "acme", epoch: 2 } }],
  ] as const)("is refused %s", (_, changes) => {
    expect(() => bridge().checkToken(trapdoor())).not.toThrow();
    expect(() => bridge(changes).checkToken(trapdoor())).toThrow(badToken);
  });

  it("is refused with any of its bytes changed", () => {
    const good = trapdoor();
    for (let byte = 0; byte < good.length; byte++) {
      const changed = Buffer.from(good);
      changed.writeUInt8(changed.readUInt8(byte) ^ 0x10, byte);
      expect(() => bridge().transform(changed), `byte ${byte}`).toThrow(badToken);
    }
  });

  it("is refused where a producer's token is due, and a producer's token where a trapdoor is", () => {
    expect(() => bridge({ consumer: undefined }).transform(trapdoor())).toThrow(badToken);
    expect(() => bridge().transform(trapdoor({ consumer: undefined }))).toThrow(badToken);
  });

  it("cannot be put together from a token that was overheard", () => {
    const overheard = trapdoor({ consumer: undefined });
    const forged = Buffer.concat([
      overheard,
      trapdoor({ halves: { tag: randomBytes(32) } }).subarray(32),
    ]);
    expect(() => bridge().transform(forged)).toThrow(badToken);
  });
});

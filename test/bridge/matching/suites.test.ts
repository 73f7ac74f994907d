/** The bridge's worker threads with every suite but `rsa`, which matching.test.ts has. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { describe, expect, it, onTestFinished } from "vitest";
import { Matching } from "../../../bridge/matching/matching.ts";
import { generateMaster } from "../../../core/scheme/owner.ts";
import type { Operation } from "../../../core/wire/directory.ts";
import { EPOCH, Fleet, type Member } from "../../support/fleet.ts";

const random = randomBytes;

async function rig(suite: "p256" | "hmac" | "pki") {
  const fleet = new Fleet("acme", await generateMaster({ suite, random }));
  let nowMs = 0;
  // A second goes by between two questions, so that the allowance does not run out.
  const nextSecond = () => {
    nowMs += 1000;
    return nowMs;
  };
  const matching = new Matching({ maxWorkers: 1, nowMs: nextSecond });
  onTestFinished(() => matching.stop());
  const clientOf = ({ login }: Member) => {
    const client = fleet.client(login);
    if (!client) throw new Error("no such client");
    return client;
  };
  const ask = (member: Member, operation: Operation, token: Buffer) =>
    matching.match({
      tenant: fleet.only,
      client: clientOf(member),
      operation,
      epoch: EPOCH,
      token,
    });
  return { fleet, matching, clientOf, ask };
}

describe.each(["p256", "hmac", "pki"] as const)("suite %s", (suite) => {
  it("finds the owner's tag of tokens and of trapdoors, and refuses what is neither", async () => {
    const { fleet, ask } = await rig(suite);
    const both = fleet.enrol("both", ["t"]);
    expect(await ask(both, "pub", both.role.token("t"))).toEqual(fleet.tag("t"));
    expect(await ask(both, "sub", both.reader.token("t"))).toEqual(fleet.tag("t"));
    for (const operation of ["pub", "sub"] as const)
      await expect(ask(both, operation, Buffer.alloc(31))).rejects.toMatchObject({
        code: "BAD_TOKEN",
      });
  });

  it("checks W, and gives a V from which the consumer gets the producer's key", async () => {
    const { fleet, matching, clientOf } = await rig(suite);
    const [producer, consumer] = [fleet.enrol("i", ["t"]), fleet.enrol("j", ["t"])];
    const { ikm, wrapped } = producer.role.wrap(randomBytes);
    const release = { tenant: fleet.only, client: clientOf(consumer), epoch: EPOCH, wrapped };
    await matching.checkWrapped(release);
    expect(consumer.reader.unwrap(await matching.release(release))).toEqual(ikm);
    const wrong = { ...release, wrapped: Buffer.alloc(41, 1) };
    await expect(matching.checkWrapped(wrong)).rejects.toMatchObject({ code: "BAD_RECORD" });
    await expect(matching.release(wrong)).rejects.toMatchObject({ code: "BAD_RECORD" });
  });
});

describe("suite pki", () => {
  it("takes no producer's token for a trapdoor, also where it knows the token's tag", async () => {
    const { fleet, ask } = await rig("pki");
    const both = fleet.enrol("both", ["t"]);
    const token = both.role.token("t");
    expect(await ask(both, "pub", token)).toEqual(fleet.tag("t"));
    await expect(ask(both, "sub", token)).rejects.toMatchObject({ code: "BAD_TOKEN" });
  });

  it("takes no trapdoor that another consumer signed, also where it knows the trapdoor's tag", async () => {
    const { fleet, ask } = await rig("pki");
    const [alice, bob] = [fleet.enrol("alice", ["t"]), fleet.enrol("bob", ["t"])];
    const trapdoor = alice.reader.token("t");
    expect(await ask(alice, "sub", trapdoor)).toEqual(fleet.tag("t"));
    await expect(ask(bob, "sub", trapdoor)).rejects.toMatchObject({ code: "BAD_TOKEN" });
  });

  it("takes no trapdoor of a signing key that was replaced, also where it knows its tag", async () => {
    const { fleet, ask } = await rig("pki");
    const alice = fleet.enrol("alice", ["t"]);
    const trapdoor = alice.reader.token("t");
    expect(await ask(alice, "sub", trapdoor)).toEqual(fleet.tag("t"));
    fleet.change(alice.login, { signingKey: generateKeyPairSync("ed25519").publicKey });
    await expect(ask(alice, "sub", trapdoor)).rejects.toMatchObject({ code: "BAD_TOKEN" });
  });
});

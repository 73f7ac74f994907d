/**
 * Attack: a bit about the topic that survives exponentiation.
 * Holds: the bridge alone, with tokens and the public modulus.
 * Does: an exponent that has an inverse is odd, so the Jacobi symbol of x^e is that of x. If a topic is hashed to a
 *   number without squaring, the token has the symbol of the hash, which anybody computes for any name.
 * Gets: half of every dictionary struck out, for each topic, without anybody's help; and Check could not demand +1.
 * VeilMQ: the hash is squared and folded: every element has symbol +1, and the sign is no second bit.
 * PROTOCOL.md §2.2 (H, Check).
 */
import { expect, test } from "vitest";
import { jacobi } from "../../core/scheme/arithmetic.ts";
import { hkdf, os2ip } from "../../core/scheme/bytes.ts";
import { power } from "./toy.ts";
import { N_TAG, Party } from "./victim.ts";

const TOPICS = Array.from({ length: 24 }, (_, n) => `plant/line-${n}/temperature`);

/** As H, without squaring. */
function naiveHash(topic: string): bigint {
  return os2ip(hkdf(Buffer.from(topic), { info: "naive", length: 272 })) % N_TAG;
}

/** The names that the bridge cannot rule out for a token. */
function candidates(token: bigint, hash: (topic: string) => bigint): string[] {
  return TOPICS.filter((topic) => jacobi(hash(topic), N_TAG) === jacobi(token, N_TAG));
}

test("without squaring each token rules out about half of the names, and never the right one", () => {
  const { client } = new Party("pump").halves.tag;
  for (const topic of TOPICS.slice(0, 6)) {
    const left = candidates(power(naiveHash(topic), client, N_TAG), naiveHash);
    expect(left).toContain(topic);
    expect(left.length).toBeLessThan(TOPICS.length);
  }
});

test("the bit goes through PEnc as well: C has it", () => {
  const { client, proxy } = new Party("pump").halves.tag;
  const [topic = ""] = TOPICS;
  const token = power(naiveHash(topic), client, N_TAG);
  expect(jacobi(power(token, proxy, N_TAG), N_TAG)).toBe(jacobi(naiveHash(topic), N_TAG));
});

test("ours: every token and every C has symbol +1", () => {
  const pump = new Party("pump");
  for (const topic of TOPICS) {
    const token = pump.role.token(topic);
    expect(jacobi(os2ip(token), N_TAG)).toBe(1);
    expect(jacobi(os2ip(pump.proxy.transform(token)), N_TAG)).toBe(1);
  }
});

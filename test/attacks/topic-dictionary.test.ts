/**
 * Attack: guessing topic names. There are not many, and people choose them.
 * Holds: the bridge: all its halves, all tokens and tags; then also one client's half.
 * Does: computes for each name of a list what the tag would be.
 * Gets: alone, nothing: for the tag of a name it needs e, and has only e·e_i1^-1. With the half of any one client it has
 *   e = e_j1·e_j2 and every name it can think of, also of topics that client was never granted.
 * VeilMQ: e is secret (never 65537) and split; a bridge that colludes with a client is outside the promise. A plain
 *   hash, or a public e, would fall to the bridge alone, and to whoever sees the names in Kafka.
 * PROTOCOL.md §1, §2.2 (IGen: a secret e).
 */
import { expect, test } from "vitest";
import { i2osp, os2ip, sha256 } from "../../core/scheme/bytes.ts";
import { hashToGroup } from "../../core/scheme/rsa/hash-to-group.ts";
import { SUITE } from "../../core/scheme/suite.ts";
import { tagOf } from "../../core/scheme/tag.ts";
import { MODULUS } from "../core/scheme/rsa/group.ts";
import { fold, power } from "./toy.ts";
import { K, N_TAG, Party, REALM, RECORD_E } from "./victim.ts";

const DICTIONARY = ["plant/boiler", "plant/pump", "plant/valve", "office/door"];
const SECRET = "plant/valve";

function tagUnder(exponent: bigint, topic: string): Buffer {
  const h = os2ip(hashToGroup(MODULUS, REALM, topic));
  const canonical = i2osp(fold(power(h, exponent, N_TAG), N_TAG), K);
  return tagOf(SUITE.rsa, REALM, canonical);
}

function guess(tag: Buffer, tagOfName: (topic: string) => Buffer): string | undefined {
  return DICTIONARY.find((topic) => tagOfName(topic).equals(tag));
}

/** What Kafka and the bridge see of the secret topic. */
function observed(producer: Party): Buffer {
  return tagOf(SUITE.rsa, REALM, producer.proxy.transform(producer.role.token(SECRET)));
}

test("a hash of the name, or a public exponent, falls to anybody", () => {
  expect(guess(sha256(SECRET), (topic) => sha256(topic))).toBe(SECRET);
  const publicE = tagUnder(RECORD_E, SECRET);
  expect(guess(publicE, (topic) => tagUnder(RECORD_E, topic))).toBe(SECRET);
});

test("ours: the bridge alone tests no name, with any half it has", () => {
  const clients = [new Party("pump"), new Party("fan"), new Party("reader")];
  const [pump] = clients;
  if (!pump) throw new Error("no clients");
  const tag = observed(pump);
  const exponents = clients.flatMap(({ halves }) => [halves.tag.proxy, halves.record.proxy]);
  for (const exponent of [...exponents, RECORD_E])
    expect(guess(tag, (topic) => tagUnder(exponent, topic))).toBeUndefined();
});

test("a client alone tests no name either: its own half is not e", () => {
  const reader = new Party("reader");
  const tag = observed(new Party("pump"));
  expect(guess(tag, (topic) => tagUnder(reader.halves.tag.client, topic))).toBeUndefined();
});

test("the limit: the bridge with one client's half tests all of them", () => {
  const { client, proxy } = new Party("reader").halves.tag;
  const tag = observed(new Party("pump"));
  expect(guess(tag, (topic) => tagUnder(client * proxy, topic))).toBe(SECRET);
});

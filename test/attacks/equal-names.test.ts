/**
 * Attack: the same tag, or the same Kafka topic, for two different things.
 * Holds: another tenant on the same bridge and Kafka, with a KMS of its own that signs whatever grants it likes; or a
 *   client with names in mind that hash alike.
 * Does: uses the victim's topic names, the victim's tag in a grant, another epoch; shifts bytes between the
 *   fields that are hashed; spells a Kafka name in another way.
 * Gets: where the context is not hashed or a name is cut short, the victim's Kafka topic, keys and readings.
 * VeilMQ: suite, tenant and epoch are in the hash of both topic and tag, every field with its length; the name is the
 *   whole digest, in one spelling; the registry is asked by tenant, so that a tag in a foreign grant finds nothing.
 * PROTOCOL.md §2.1, §4 (kinds 1 and 2).
 */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { tagOfTopic } from "../../bridge/http/topic-tag.ts";
import { entryKeyOf } from "../../bridge/registry/entry.ts";
import { sha256 } from "../../core/scheme/bytes.ts";
import { context } from "../../core/scheme/context.ts";
import { ownerTag } from "../../core/scheme/owner.ts";
import { SUITE } from "../../core/scheme/suite.ts";
import { kafkaTopicOf, tagOf } from "../../core/scheme/tag.ts";
import { InternalStore, messageKey } from "../../core/wire/store.ts";
import { FIXTURE_MASTER as master } from "../core/scheme/fixture-master.ts";

const C = randomBytes(256);

test("without lengths, another tenant's topic hashes alike", () => {
  const naive = (tenant: string, topic: string): Buffer => sha256(tenant, topic);
  expect(naive("acme", "plant/boiler")).toEqual(naive("acmeplant", "/boiler"));
});

test("ours: tenant, epoch, topic and suite each make another tag, even under one master key", () => {
  const names = [
    { realm: { tenant: "acme", epoch: 1 }, topic: "plant/boiler" },
    { realm: { tenant: "acmeplant", epoch: 1 }, topic: "/boiler" },
    { realm: { tenant: "evil", epoch: 1 }, topic: "plant/boiler" },
    { realm: { tenant: "acme", epoch: 2 }, topic: "plant/boiler" },
    { realm: { tenant: "acme", epoch: 1 }, topic: "plant/boiler2" },
  ];
  const tags = names.map((name) => ownerTag({ master, ...name }));
  const suites = Object.values(SUITE).map((suite) => tagOf(suite, { tenant: "a", epoch: 1 }, C));
  const all = [...tags, ...suites].map(kafkaTopicOf);
  expect(new Set(all).size).toBe(all.length);
  const contexts = names.map(({ realm, topic }) => context(realm, topic).toString("hex"));
  expect(new Set(contexts).size).toBe(names.length);
});

test("ours: a Kafka name holds the whole tag and has one spelling", () => {
  const tag = randomBytes(32);
  const name = kafkaTopicOf(tag);
  expect(tagOfTopic(name)).toEqual(tag);
  const last = Buffer.from(tag);
  last.writeUInt8(last.readUInt8(31) ^ 1, 31);
  expect(kafkaTopicOf(last)).not.toBe(name);
  const stem = name.slice(0, -1);
  const spellings = [..."abcdefghijklmnopqrstuvwxyz234567"].map((end) => stem + end);
  const read = spellings.filter((spelling) => {
    try {
      return tagOfTopic(spelling).length === 32;
    } catch {
      return false;
    }
  });
  expect(read).toHaveLength(2);
  for (const other of [name.toUpperCase(), `${name}a`, stem, `x${name.slice(1)}`, "veil-i-aaaa"])
    expect(() => tagOfTopic(other)).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT" }));
});

test("ours: a foreign tenant's grant of the victim's tag finds no key and no pseudonym of the victim", () => {
  const [acme, evil] = [randomBytes(32), randomBytes(32)];
  const [tag, kid, producerId] = [randomBytes(32), randomBytes(16), "pump"];
  const keys = [
    entryKeyOf(new InternalStore(acme), { tenant: "acme", tag, kid, producerId }),
    entryKeyOf(new InternalStore(evil), { tenant: "evil", tag, kid, producerId }),
    entryKeyOf(new InternalStore(acme), { tenant: "evil", tag, kid, producerId }),
  ];
  expect(new Set(keys.map(String)).size).toBe(3);
  expect(messageKey(acme, "pump", tag)).not.toEqual(messageKey(evil, "pump", tag));
  expect(messageKey(acme, "pump", tag)).not.toEqual(messageKey(acme, "pump", randomBytes(32)));
});

/** What the cases of all suites of production say: tenant, epoch, topic, C, tag, name (PROTOCOL.md §2.1). */
import type { Realm } from "../context.ts";
import type { SuiteId } from "../suite.ts";
import { kafkaTopicOf, tagOf } from "../tag.ts";
import { type Comparisons, compareBytes, compareInteger, compareText } from "./comparison.ts";
import type { Fields } from "./fields.ts";

/** Tenant and epoch of a case. Throws BAD_ARGUMENT where one is missing. */
export function realmOf(one: Fields): Realm {
  return {
    tenant: one.require(one.text("tenant"), "tenant"),
    epoch: Number(one.require(one.integer("epoch"), "epoch")),
  };
}

/** Throws BAD_ARGUMENT where it is missing. */
export function topicOf(one: Fields): string {
  return one.require(one.text("topic"), "topic");
}

/** C in every way that the file gives the keys for, then the tag and the name that follow from it. */
export function* compareNames(
  one: Fields,
  input: {
    readonly suite: SuiteId;
    readonly ways: readonly (() => Buffer)[];
    /** C as the file says it: what tag and name are made of where it gives no keys. Throws BAD_ARGUMENT where it does not. */
    readonly said: () => Buffer;
    /** Where the file gives all keys. */
    readonly ownerTag?: (() => Buffer) | undefined;
  },
): Comparisons {
  const { suite, ways, said, ownerTag } = input;
  for (const way of ways) yield* compareInteger(one, "C", way);
  if (!one.has("tag") && !one.has("name")) return;
  const canonical = ways[0] ?? constant(said());
  const tag = (): Buffer => tagOf(suite, realmOf(one), canonical());
  yield* compareBytes(one, "tag", tag);
  if (ownerTag) yield* compareBytes(one, "tag", ownerTag);
  yield* compareText(one, "name", () => kafkaTopicOf(tag()));
}

function constant(value: Buffer): () => Buffer {
  return () => value;
}

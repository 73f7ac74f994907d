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

/** C in every way that the file gives the keys for, then the tag and the name that follow from `canonical`. */
export function* compareNames(
  one: Fields,
  input: {
    readonly suite: SuiteId;
    readonly ways: readonly (() => Buffer)[];
    /** One of the ways, or what the file says where it gives no keys. */
    readonly canonical: () => Buffer;
    /** Where the file gives all keys. */
    readonly ownerTag?: (() => Buffer) | undefined;
  },
): Comparisons {
  const { suite, ways, canonical, ownerTag } = input;
  for (const way of ways) yield* compareInteger(one, "C", way);
  const tag = (): Buffer => tagOf(suite, realmOf(one), canonical());
  yield* compareBytes(one, "tag", tag);
  if (ownerTag) yield* compareBytes(one, "tag", ownerTag);
  yield* compareText(one, "name", () => kafkaTopicOf(tag()));
}

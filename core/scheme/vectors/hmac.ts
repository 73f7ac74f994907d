/** Vector files of suite `hmac`: K_c and K_s; cases with tenant, epoch, topic, T, C, tag, name (PROTOCOL.md §2.1, §2.4). */
import { clientRole } from "../client.ts";
import { ownerTag } from "../owner.ts";
import { proxyRole } from "../proxy.ts";
import { type RoleInput, SUITE } from "../suite.ts";
import { compareNames, realmOf, topicOf } from "./case.ts";
import { type Comparisons, compareBytes } from "./comparison.ts";
import type { Fields } from "./fields.ts";

/** Recomputes all that a file of suite `hmac` says. Throws BAD_ARGUMENT for a malformed or missing field. */
export function* compareHmac(file: Fields): Comparisons {
  for (const one of file.cases()) yield* compareCase(one.within(file));
}

function* compareCase(one: Fields): Comparisons {
  const [sharedKey, proxyKey] = [one.hexBytes("K_c"), one.hexBytes("K_s")];
  const [realm, topic] = [realmOf(one), topicOf(one)];
  const made = sharedKey && clientRole(roleInput(one, sharedKey)).token(topic);
  if (made) yield* compareBytes(one, "T", () => made);
  const proxy = proxyKey && proxyRole(roleInput(one, proxyKey));
  const token = made ?? (proxy && one.hexBytes("T"));
  yield* compareNames(one, {
    suite: SUITE.hmac,
    ways: proxy && token ? [() => proxy.transform(token)] : [],
    said: () => one.require(one.hexBytes("C"), "C"),
    ownerTag:
      sharedKey &&
      proxyKey &&
      (() => ownerTag({ master: { suite: "hmac", sharedKey, proxyKey }, realm, topic })),
  });
}

function roleInput(one: Fields, key: Buffer): RoleInput {
  return { realm: realmOf(one), parameters: { suite: "hmac" }, halves: { tag: key } };
}

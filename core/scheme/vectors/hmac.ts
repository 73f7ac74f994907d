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
  const said = one.hexBytes("T");
  const token = sharedKey ? clientRole(roleInput(one, sharedKey)).token(topic) : said;
  if (token) yield* compareBytes(one, "T", () => token);
  const ways =
    proxyKey && token ? [() => proxyRole(roleInput(one, proxyKey)).transform(token)] : [];
  yield* compareNames(one, {
    suite: SUITE.hmac,
    ways,
    canonical: ways[0] ?? saidCanonical(one),
    ownerTag:
      sharedKey &&
      proxyKey &&
      (() => ownerTag({ master: { suite: "hmac", sharedKey, proxyKey }, realm, topic })),
  });
}

/** C as the file says it, where it gives no key to compute it. Throws BAD_ARGUMENT where it does not. */
function saidCanonical(one: Fields): () => Buffer {
  const value = one.require(one.hexBytes("C"), "C");
  return () => value;
}

function roleInput(one: Fields, key: Buffer): RoleInput {
  return { realm: realmOf(one), parameters: { suite: "hmac" }, halves: { tag: key } };
}

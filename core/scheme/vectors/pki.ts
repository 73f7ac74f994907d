/**
 * Vector files of suite `pki`: K_org, K_s; a consumer with its clientId `j`, Ed25519 seed `sk` and public key `pk`;
 * cases with tenant, epoch, topic, h, T_i (a producer's), T_j (the consumer's), C, tag, name (PROTOCOL.md §2.1, §2.4).
 */
import { createPublicKey } from "node:crypto";
import { clientRole } from "../client.ts";
import { exportPublicKey, importPublicKey, importSigningKey } from "../ed25519.ts";
import { ownerTag } from "../owner.ts";
import { proxyRole } from "../proxy.ts";
import { type RoleInput, SUITE } from "../suite.ts";
import { compareNames, realmOf, topicOf } from "./case.ts";
import { type Comparisons, compareBytes } from "./comparison.ts";
import type { Fields } from "./fields.ts";

/** Recomputes all that a file of suite `pki` says. Throws BAD_ARGUMENT for a malformed or missing field. */
export function* comparePki(file: Fields): Comparisons {
  for (const one of file.cases()) yield* compareCase(one.within(file));
}

function* compareCase(one: Fields): Comparisons {
  const signingKey = importSigningKey(bytes(one, "sk"));
  yield* compareBytes(one, "pk", () => exportPublicKey(createPublicKey(signingKey)));
  const [realm, topic] = [realmOf(one), topicOf(one)];
  const [sharedKey, proxyKey] = [bytes(one, "K_org"), bytes(one, "K_s")];
  const id = one.require(one.text("j"), "j");
  const produced = (): Buffer => clientRole(roleInput(one, sharedKey)).token(topic);
  yield* compareBytes(one, "h", produced);
  yield* compareBytes(one, "T_i", produced);
  const consumed = (): Buffer =>
    clientRole({ ...roleInput(one, sharedKey), consumer: { id, signingKey } }).token(topic);
  yield* compareBytes(one, "T_j", consumed);
  const proxy = roleInput(one, proxyKey);
  const consumer = { id, publicKey: importPublicKey(bytes(one, "pk")) };
  const canonical = (): Buffer => proxyRole(proxy).transform(produced());
  yield* compareNames(one, {
    suite: SUITE.pki,
    ways: [canonical, () => proxyRole({ ...proxy, consumer }).transform(consumed())],
    said: canonical,
    ownerTag: () => ownerTag({ master: { suite: "pki", sharedKey, proxyKey }, realm, topic }),
  });
}

function bytes(one: Fields, name: string): Buffer {
  return one.require(one.hexBytes(name), name);
}

function roleInput(one: Fields, key: Buffer): RoleInput {
  return { realm: realmOf(one), parameters: { suite: "pki" }, halves: { tag: key } };
}

/**
 * Vector files of suite `p256`: k and the halves k_i1, k_i2 of one client; cases with tenant, epoch, topic,
 * Hx, T, C, tag, name (PROTOCOL.md §2.1, §2.3). Numbers may be without leading zeros.
 */
import { mod } from "../arithmetic.ts";
import { i2osp } from "../bytes.ts";
import { clientRole } from "../client.ts";
import { ownerTag } from "../owner.ts";
import { acceptScalar, ORDER, P256_BYTES } from "../p256/curve.ts";
import { hashToElement } from "../p256/hash-to-curve.ts";
import { type P256Master, p256Canonical } from "../p256/owner.ts";
import { proxyRole } from "../proxy.ts";
import { type RoleInput, SUITE } from "../suite.ts";
import { compareNames, realmOf, topicOf } from "./case.ts";
import { type Comparisons, compareAccepted, compareInteger } from "./comparison.ts";
import type { Fields } from "./fields.ts";

/** x(G): tags need no key of records, and a role wants one on the curve. */
const SOME_X = acceptScalar(i2osp(1, P256_BYTES)).timesGenerator();

/** Recomputes all that a file of suite `p256` says. Throws BAD_ARGUMENT for a malformed or missing field. */
export function* compareP256(file: Fields): Comparisons {
  yield* compareScalars(file, { product: "k", halves: ["k_i1", "k_i2"] });
  for (const one of file.cases()) yield* compareCase(one.within(file));
}

/** Whether a key and its halves are scalars, and the halves' product the key, modulo n. */
export function* compareScalars(
  file: Fields,
  { product, halves }: { product: string; halves: readonly [string, string] },
): Comparisons {
  for (const name of [product, ...halves])
    if (file.hexInteger(name) !== undefined)
      yield* compareAccepted(file.where(name), () => acceptScalar(scalar(file, name)));
  const [key, one, other] = [product, ...halves].map((name) => file.hexInteger(name));
  if (key === undefined || one === undefined || other === undefined) return;
  yield {
    where: `${file.where(halves[0])}·${halves[1]} mod n`,
    expected: key.toString(16),
    got: mod(one * other, ORDER).toString(16),
  };
}

/** A number of the file in 32 bytes. Throws BAD_ARGUMENT where it is missing or does not fit. */
export function scalar(file: Fields, name: string): Buffer {
  return i2osp(file.require(file.hexInteger(name), name), P256_BYTES);
}

function* compareCase(one: Fields): Comparisons {
  const [realm, topic] = [realmOf(one), topicOf(one)];
  yield* compareInteger(one, "Hx", () => hashToElement(realm, topic));
  yield* compareInteger(one, "T", () => token(one));
  const master = masterOf(one);
  const ways = canonicalValues(one, master);
  yield* compareNames(one, {
    suite: SUITE.p256,
    ways,
    canonical: ways[0] ?? saidCanonical(one),
    ownerTag: master && (() => ownerTag({ master, realm, topic })),
  });
}

function masterOf(one: Fields): P256Master | undefined {
  if (one.hexInteger("k") === undefined) return undefined;
  // Tags need the first key only.
  return { suite: "p256", tag: scalar(one, "k"), record: scalar(one, "k") };
}

function canonicalValues(one: Fields, master: P256Master | undefined): (() => Buffer)[] {
  const [realm, topic] = [realmOf(one), topicOf(one)];
  const ways: (() => Buffer)[] = [];
  const says = (name: string): boolean => one.hexInteger(name) !== undefined;
  if (says("k_i2") && (says("k_i1") || says("T")))
    ways.push(() => proxyRole(roleInput(one, "k_i2")).transform(token(one)));
  if (master) ways.push(() => p256Canonical({ master, realm, topic }));
  return ways;
}

/** C as the file says it, where it gives no key to compute it. Throws BAD_ARGUMENT where it does not. */
function saidCanonical(one: Fields): () => Buffer {
  const value = scalar(one, "C");
  return () => value;
}

/** UEnc with the client's half, or the file's T where it does not say the half. */
function token(one: Fields): Buffer {
  if (one.hexInteger("k_i1") === undefined) return scalar(one, "T");
  return clientRole(roleInput(one, "k_i1")).token(topicOf(one));
}

function roleInput(one: Fields, half: string): RoleInput {
  const parameters = { suite: "p256", xRec: SOME_X } as const;
  return { realm: realmOf(one), parameters, halves: { tag: scalar(one, half) } };
}

/**
 * Vector files of suite `p256`: k and the halves k_‹c›1, k_‹c›2 of any number of clients c; cases with tenant, epoch,
 * topic, Hx, T‹c› (T is client i's), C, tag, name (PROTOCOL.md §2.1, §2.3). Numbers may be without leading zeros; keys
 * may be the file's or a case's own.
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

const KEY_NAME = /^(?:k_([a-z]+)[12]|T([a-z]+))$/;

/** Recomputes all that a file of suite `p256` says. Throws BAD_ARGUMENT for a malformed or missing field. */
export function* compareP256(file: Fields): Comparisons {
  for (const one of file.cases()) {
    const whole = one.within(file);
    for (const client of clientsOf(whole)) {
      yield* compareScalars(whole, { product: "k", halves: halvesOf(client) });
      leaveLoneHalves(whole, { halves: halvesOf(client), token: `T${client}` });
    }
    yield* compareCase(whole);
  }
}

/** The clients that a case has a half or a token of. */
function clientsOf(one: Fields): string[] {
  const names = one.names().map((name) => KEY_NAME.exec(name));
  return [...new Set(names.flatMap((match) => match?.[1] ?? match?.[2] ?? []))];
}

function halvesOf(client: string): [string, string] {
  return [`k_${client}1`, `k_${client}2`];
}

/** Whether a key and its halves are scalars, and the halves' product the key, modulo n. */
export function* compareScalars(
  file: Fields,
  { product, halves }: { product: string; halves: readonly [string, string] },
): Comparisons {
  for (const name of [product, ...halves])
    if (file.hexInteger(name) !== undefined)
      yield* compareAccepted(file.where(name), () => acceptScalar(scalar(file, name)));
  if (!file.has(product, ...halves)) return;
  const [key = 0n, one = 0n, other = 0n] = [product, ...halves].map((name) =>
    file.hexInteger(name),
  );
  yield {
    where: `${file.where(halves[0])}·${halves[1]} mod n`,
    expected: key.toString(16),
    got: mod(one * other, ORDER).toString(16),
  };
}

/** What is made of a half shows in the token, or with the other half in C. */
export function leaveLoneHalves(
  one: Fields,
  { halves, token }: { halves: readonly [string, string]; token: string },
): void {
  const [half1, half2] = halves;
  if (one.has(token)) return;
  if (one.has(half1) && !one.has(half2)) one.leave(half1, `without ${half2} or ${token}`);
  if (one.has(half2) && !one.has(half1)) one.leave(half2, `without ${half1} or ${token}`);
}

/** A number of the file in 32 bytes. Throws BAD_ARGUMENT where it is missing or does not fit. */
export function scalar(file: Fields, name: string): Buffer {
  return i2osp(file.require(file.hexInteger(name), name), P256_BYTES);
}

function* compareCase(one: Fields): Comparisons {
  const [realm, topic] = [realmOf(one), topicOf(one)];
  yield* compareInteger(one, "Hx", () => hashToElement(realm, topic));
  for (const client of clientsOf(one))
    if (one.has(halvesOf(client)[0]))
      yield* compareInteger(one, `T${client}`, () => token(one, client));
  const master = masterOf(one);
  yield* compareNames(one, {
    suite: SUITE.p256,
    ways: canonicalValues(one, master),
    said: () => scalar(one, "C"),
    ownerTag: master && (() => ownerTag({ master, realm, topic })),
  });
}

function masterOf(one: Fields): P256Master | undefined {
  if (!one.has("k")) return undefined;
  // Tags need the first key only.
  return { suite: "p256", tag: scalar(one, "k"), record: scalar(one, "k") };
}

/** C by the owner, and by each client whose proxy half the file says. */
function canonicalValues(one: Fields, master: P256Master | undefined): (() => Buffer)[] {
  const [realm, topic] = [realmOf(one), topicOf(one)];
  const ways = clientsOf(one).flatMap((client) => {
    const [half1, half2] = halvesOf(client);
    if (!one.has(half2) || !(one.has(half1) || one.has(`T${client}`))) return [];
    return [() => proxyRole(roleInput(one, half2)).transform(token(one, client))];
  });
  return master ? [...ways, () => p256Canonical({ master, realm, topic })] : ways;
}

/** UEnc with the client's half, or the file's T where it does not say the half. */
function token(one: Fields, client: string): Buffer {
  const [half1] = halvesOf(client);
  if (!one.has(half1)) return scalar(one, `T${client}`);
  return clientRole(roleInput(one, half1)).token(topicOf(one));
}

function roleInput(one: Fields, half: string): RoleInput {
  const parameters = { suite: "p256", xRec: SOME_X } as const;
  return { realm: realmOf(one), parameters, halves: { tag: scalar(one, half) } };
}

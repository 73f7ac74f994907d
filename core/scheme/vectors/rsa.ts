/**
 * Vector files of suite `rsa`: N, p, q, e; the halves e‹c›1 and e‹c›2 of any number of clients c; and
 * cases with tenant, epoch, topic, h, T‹c›, C, tag, name (PROTOCOL.md §2.1, §2.2). Numbers may be the file's or a case's
 * own.
 */
import { mod } from "../arithmetic.ts";
import { i2osp } from "../bytes.ts";
import { clientRole } from "../client.ts";
import { ownerTag } from "../owner.ts";
import { proxyRole } from "../proxy.ts";
import { hashToGroup } from "../rsa/hash-to-group.ts";
import { acceptModulus, type Modulus } from "../rsa/modulus.ts";
import { lambdaOf, type RsaMaster } from "../rsa/owner.ts";
import { type RoleInput, SUITE } from "../suite.ts";
import { compareNames, realmOf, topicOf } from "./case.ts";
import { type Comparisons, compareAccepted, compareInteger } from "./comparison.ts";
import type { Fields } from "./fields.ts";
import { leaveLoneHalves } from "./p256.ts";

const KEY_NAME = /^(?:e([a-z]+)[12]|T([a-z]+))$/;
const SHARED = /^(?:N|p|q|e|e[a-z]+[12])$/;
const ALLOW = { allowPublicFactors: true };

/** By their names: a client has those that the file says. */
interface Client {
  readonly half1: string;
  readonly half2: string;
  readonly token: string;
}

/** Recomputes all that a file of suite `rsa` says. Throws BAD_ARGUMENT for a malformed or missing field. */
export function* compareRsa(file: Fields): Comparisons {
  const cases = file.cases();
  if (saysModulus(file)) yield* compareKeys(file);
  for (const one of cases) {
    const whole = one.within(file);
    const hasOwn = one !== file && one.names().some((name) => SHARED.test(name));
    if (hasOwn || !saysModulus(file)) yield* compareKeys(whole);
    yield* compareCase(whole);
  }
}

function saysModulus(file: Fields): boolean {
  return file.has("N") || file.has("p", "q");
}

/** N against its factors, and each client's halves against e. */
function* compareKeys(one: Fields): Comparisons {
  const factors = factorsOf(one);
  if (factors) yield* compareInteger(one, "N", () => factors.p * factors.q);
  const n = modulusOf(one);
  yield* compareAccepted(one.where("N"), () => acceptModulus(n, ALLOW));
  if (factors && one.has("e")) yield* comparePairs(one, factors);
}

/** N of a file, or p·q, without leading zeros. Throws BAD_ARGUMENT where the file says neither. */
export function modulusOf(file: Fields): Buffer {
  const factors = factorsOf(file);
  const n = file.hexInteger("N") ?? (factors && factors.p * factors.q);
  return encode(file.require(n, "N"));
}

/** p and q, where the file says both. */
export function factorsOf(file: Fields): { p: bigint; q: bigint } | undefined {
  if (!file.has("p", "q")) return undefined;
  const [p = 0n, q = 0n] = [file.hexInteger("p"), file.hexInteger("q")];
  return { p, q };
}

function clientsOf(one: Fields): Client[] {
  const matches = one.names().map((name) => KEY_NAME.exec(name));
  const names = new Set(matches.flatMap((match) => match?.[1] ?? match?.[2] ?? []));
  return [...names].map((name) => ({
    half1: `e${name}1`,
    half2: `e${name}2`,
    token: `T${name}`,
  }));
}

function masterOf(one: Fields, modulus: Modulus): RsaMaster | undefined {
  const factors = factorsOf(one);
  if (!factors || !one.has("e")) return undefined;
  const [p, q] = [encode(factors.p), encode(factors.q)];
  const e = i2osp(numberOf(one, "e"), modulus.bytes);
  return { suite: "rsa", tag: { p, q, e }, record: { p, q } };
}

/** The identity that makes every client's C the same: e_i1·e_i2 ≡ e mod λ. */
function* comparePairs(one: Fields, { p, q }: { p: bigint; q: bigint }): Comparisons {
  const lambda = lambdaOf(p, q);
  for (const { half1, half2 } of clientsOf(one))
    if (one.has(half1, half2))
      yield {
        where: `${one.where(half1)}·${half2} mod λ`,
        expected: mod(numberOf(one, "e"), lambda).toString(16),
        got: mod(numberOf(one, half1) * numberOf(one, half2), lambda).toString(16),
      };
}

function* compareCase(one: Fields): Comparisons {
  const modulus = acceptModulus(modulusOf(one), ALLOW);
  const [realm, topic] = [realmOf(one), topicOf(one)];
  const clients = clientsOf(one);
  yield* compareInteger(one, "h", () => hashToGroup(modulus, realm, topic));
  for (const client of clients) {
    const { half1, half2, token } = client;
    if (one.has(half1)) yield* compareInteger(one, token, () => tokenOf(one, { client, modulus }));
    leaveLoneHalves(one, { halves: [half1, half2], token });
  }
  const master = masterOf(one, modulus);
  yield* compareNames(one, {
    suite: SUITE.rsa,
    ways: canonicalValues(one, { clients, modulus }),
    said: () => i2osp(numberOf(one, "C"), modulus.bytes),
    ownerTag: master && (() => ownerTag({ ...ALLOW, master, realm, topic })),
  });
}

/** C in every way that the file gives the keys for: each client with its proxy half, and the secret e. */
function canonicalValues(
  one: Fields,
  { clients, modulus }: { clients: readonly Client[]; modulus: Modulus },
): (() => Buffer)[] {
  const ways = clients.flatMap((client) => {
    const { half1, half2, token } = client;
    if (!one.has(half2) || !(one.has(half1) || one.has(token))) return [];
    const proxy = (): Buffer =>
      proxyRole(roleInput(one, { half: half2, modulus })).transform(
        tokenOf(one, { client, modulus }),
      );
    return [proxy];
  });
  if (!one.has("e")) return ways;
  const owner = (): Buffer =>
    modulus.foldedPower(
      hashToGroup(modulus, realmOf(one), topicOf(one)),
      i2osp(numberOf(one, "e"), modulus.bytes),
    );
  return [...ways, owner];
}

/** UEnc with the client's half, or the file's T where it does not say the half. */
function tokenOf(one: Fields, { client, modulus }: { client: Client; modulus: Modulus }): Buffer {
  const { half1, token } = client;
  if (!one.has(half1)) return i2osp(numberOf(one, token), modulus.bytes);
  return clientRole(roleInput(one, { half: half1, modulus })).token(topicOf(one));
}

function roleInput(one: Fields, { half, modulus }: { half: string; modulus: Modulus }): RoleInput {
  const { encoded, bytes } = modulus;
  const parameters = { suite: "rsa", nTag: encoded, nRec: encoded } as const;
  return {
    ...ALLOW,
    realm: realmOf(one),
    parameters,
    halves: { tag: i2osp(numberOf(one, half), bytes) },
  };
}

function numberOf(one: Fields, name: string): bigint {
  return one.require(one.hexInteger(name), name);
}

function encode(value: bigint): Buffer {
  return i2osp(value, Math.ceil(value.toString(16).length / 2));
}

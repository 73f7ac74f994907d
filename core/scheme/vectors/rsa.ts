/**
 * Vector files of suite `rsa`: N, p, q, e; the halves e‹c›1 and e‹c›2 of any number of clients c; and
 * cases with tenant, epoch, topic, h, T‹c›, C, tag, name (PROTOCOL.md §2.1, §2.2).
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

const HALF_NAME = /^e([a-z]+)[12]$/;
const ALLOW = { allowPublicFactors: true };

interface Client {
  readonly name: string;
  readonly half1: bigint | undefined;
  readonly half2: bigint | undefined;
}

/** The numbers of a file that all its cases share. */
interface Keys {
  readonly modulus: Modulus;
  /** Where the file says p, q and e. */
  readonly master: RsaMaster | undefined;
  readonly e: bigint | undefined;
  readonly clients: readonly Client[];
}

/** Recomputes all that a file of suite `rsa` says. Throws BAD_ARGUMENT for a malformed or missing field. */
export function* compareRsa(file: Fields): Comparisons {
  const factors = factorsOf(file);
  if (factors) yield* compareInteger(file, "N", () => factors.p * factors.q);
  const n = modulusOf(file);
  yield* compareAccepted(file.where("N"), () => acceptModulus(n, ALLOW));
  const modulus = acceptModulus(n, ALLOW);
  const e = file.hexInteger("e");
  const clients = clientsOf(file);
  if (factors && e !== undefined) yield* comparePairs({ file, clients, e, ...factors });
  const master = factors && e !== undefined ? masterOf({ ...factors, e, modulus }) : undefined;
  for (const one of file.cases())
    yield* compareCase(one.within(file), { modulus, master, e, clients });
}

/** N of a file, or p·q, without leading zeros. Throws BAD_ARGUMENT where the file says neither. */
export function modulusOf(file: Fields): Buffer {
  const factors = factorsOf(file);
  const n = file.hexInteger("N") ?? (factors && factors.p * factors.q);
  return encode(file.require(n, "N"));
}

function factorsOf(file: Fields): { p: bigint; q: bigint } | undefined {
  const [p, q] = [file.hexInteger("p"), file.hexInteger("q")];
  return p === undefined || q === undefined ? undefined : { p, q };
}

function clientsOf(file: Fields): Client[] {
  const names = file.names().flatMap((field) => HALF_NAME.exec(field)?.[1] ?? []);
  return [...new Set(names)].map((name) => ({
    name,
    half1: file.hexInteger(`e${name}1`),
    half2: file.hexInteger(`e${name}2`),
  }));
}

function masterOf(input: { p: bigint; q: bigint; e: bigint; modulus: Modulus }): RsaMaster {
  const [p, q] = [encode(input.p), encode(input.q)];
  return { suite: "rsa", tag: { p, q, e: encode(input.e) }, record: { p, q } };
}

/** The identity that makes every client's C the same: e_i1·e_i2 ≡ e mod λ. */
function* comparePairs(input: {
  file: Fields;
  clients: readonly Client[];
  p: bigint;
  q: bigint;
  e: bigint;
}): Comparisons {
  const lambda = lambdaOf(input.p, input.q);
  for (const { name, half1, half2 } of input.clients)
    if (half1 !== undefined && half2 !== undefined)
      yield {
        where: `${input.file.where(`e${name}1`)}·e${name}2 mod λ`,
        expected: mod(input.e, lambda).toString(16),
        got: mod(half1 * half2, lambda).toString(16),
      };
}

function* compareCase(one: Fields, keys: Keys): Comparisons {
  const { modulus, master } = keys;
  const realm = realmOf(one);
  const topic = topicOf(one);
  yield* compareInteger(one, "h", () => hashToGroup(modulus, realm, topic));
  for (const client of keys.clients)
    yield* compareInteger(one, `T${client.name}`, () => tokenOf(one, client, keys));
  const ways = canonicalValues(one, keys);
  yield* compareNames(one, {
    suite: SUITE.rsa,
    ways,
    canonical: ways[0] ?? saidCanonical(one, modulus),
    ownerTag: master && (() => ownerTag({ ...ALLOW, master, realm, topic })),
  });
}

/** C in every way that the file gives the keys for: each client with its proxy half, and the secret e. */
function canonicalValues(one: Fields, keys: Keys): (() => Buffer)[] {
  const { modulus, e } = keys;
  const ways = keys.clients.flatMap((client) => {
    const { name, half1, half2 } = client;
    if (half2 === undefined || (half1 ?? one.text(`T${name}`)) === undefined) return [];
    const proxy = (): Buffer =>
      proxyRole(roleInput(one, half2, modulus)).transform(tokenOf(one, client, keys));
    return [proxy];
  });
  if (e === undefined) return ways;
  const owner = (): Buffer =>
    modulus.foldedPower(hashToGroup(modulus, realmOf(one), topicOf(one)), i2osp(e, modulus.bytes));
  return [...ways, owner];
}

/** C as the file says it, where it gives no key to compute it. Throws BAD_ARGUMENT where it does not. */
function saidCanonical(one: Fields, modulus: Modulus): () => Buffer {
  const value = i2osp(one.require(one.hexInteger("C"), "C"), modulus.bytes);
  return () => value;
}

/** UEnc with the client's half, or the file's T where it does not say the half. */
function tokenOf(one: Fields, { name, half1 }: Client, { modulus }: Keys): Buffer {
  const field = `T${name}`;
  if (half1 === undefined) return i2osp(one.require(one.hexInteger(field), field), modulus.bytes);
  return clientRole(roleInput(one, half1, modulus)).token(topicOf(one));
}

function roleInput(one: Fields, half: bigint, { encoded, bytes }: Modulus): RoleInput {
  const parameters = { suite: "rsa", nTag: encoded, nRec: encoded } as const;
  return { ...ALLOW, realm: realmOf(one), parameters, halves: { tag: i2osp(half, bytes) } };
}

function encode(value: bigint): Buffer {
  return i2osp(value, Math.ceil(value.toString(16).length / 2));
}

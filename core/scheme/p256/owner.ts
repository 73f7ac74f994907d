/**
 * Owner-side of suite `p256` (PROTOCOL.md §2.3):
 *
 *   IGen   k, x uniform in [1, n), independent;  public X = x(x·G)
 *   UGen   k_i1 uniform in [1, n)  →  client half k_i1, proxy half k·k_i1^-1 mod n     (records: x_j1, x·x_j1^-1)
 *   tag    C = x(k·H(topic))
 *
 * The inverses are BigInt, which is not constant-time. That is accepted: the owner works offline, on a
 * machine of their own, and answers nobody (§1). The multiplications are constant-time anyway.
 */
import { mod, modInverse } from "../arithmetic.ts";
import { i2osp, os2ip } from "../bytes.ts";
import type { Realm } from "../context.ts";
import type { Halves, P256Parameters, RandomBytes } from "../suite.ts";
import { acceptScalar, ORDER, P256_BYTES } from "./curve.ts";
import { hashToElement } from "./hash-to-curve.ts";
import { randomScalar } from "./random-scalar.ts";

/** The master key of a tenant and epoch: two scalars of 32 bytes. */
export interface P256Master {
  readonly suite: "p256";
  /** k, of tags. */
  readonly tag: Buffer;
  /** x, of record keys. */
  readonly record: Buffer;
}

/** IGen. */
export function generateP256Master(random: RandomBytes): P256Master {
  return { suite: "p256", tag: randomScalar(random), record: randomScalar(random) };
}

/** The client's halves that belong to the bridge's: key·proxy^-1 mod n. Throws BAD_ARGUMENT for what is outside §2.3. */
export function p256ClientHalves({
  master,
  proxy,
}: {
  readonly master: P256Master;
  readonly proxy: Halves;
}): Halves {
  const tag = otherSide(master.tag, proxy.tag);
  return proxy.record ? { tag, record: otherSide(master.record, proxy.record) } : { tag };
}

/** X of a master key. Throws BAD_ARGUMENT for one outside §2.3. */
export function p256PublicParameters({ record }: P256Master): P256Parameters {
  return { suite: "p256", xRec: acceptScalar(record).timesGenerator() };
}

/** UGen. Throws BAD_ARGUMENT for a master key outside §2.3. */
export function splitP256(input: {
  readonly master: P256Master;
  readonly random: RandomBytes;
  readonly consumer: boolean;
}): { client: Halves; proxy: Halves } {
  const { master, random, consumer } = input;
  const tag = splitScalar(master.tag, random);
  if (!consumer) return { client: { tag: tag.client }, proxy: { tag: tag.proxy } };
  const record = splitScalar(master.record, random);
  return {
    client: { tag: tag.client, record: record.client },
    proxy: { tag: tag.proxy, record: record.proxy },
  };
}

/** The canonical value C of a topic, 32 bytes, from the master key alone. */
export function p256Canonical(input: {
  readonly master: P256Master;
  readonly realm: Realm;
  readonly topic: string;
}): Buffer {
  return acceptScalar(input.master.tag).times(hashToElement(input.realm, input.topic));
}

/** Two halves with client·proxy ≡ key mod n: the product of non-zero numbers modulo a prime is not zero. */
function splitScalar(key: Buffer, random: RandomBytes): { client: Buffer; proxy: Buffer } {
  acceptScalar(key);
  const client = randomScalar(random);
  return { client, proxy: otherSide(key, client) };
}

function otherSide(key: Buffer, half: Buffer): Buffer {
  return i2osp(mod(os2ip(key) * modInverse(os2ip(half), ORDER), ORDER), P256_BYTES);
}

/** Owner-side entry of the scheme: master keys, halves and tags (PROTOCOL.md §2). Offline. */
import type { Realm } from "./context.ts";
import { generateHmacMaster, type HmacMaster, hmacCanonical, splitHmac } from "./hmac/owner.ts";
import {
  generateP256Master,
  type P256Master,
  p256Canonical,
  p256ClientHalves,
  p256PublicParameters,
  splitP256,
} from "./p256/owner.ts";
import { generatePkiMaster, type PkiMaster, pkiCanonical, splitPki } from "./pki/owner.ts";
import type { ModulusOptions } from "./rsa/modulus.ts";
import {
  type GenerateOptions,
  generateRsaMaster,
  type RsaMaster,
  rsaCanonical,
  rsaClientHalves,
  rsaPublicParameters,
  splitRsa,
} from "./rsa/owner.ts";
import { type Halves, type PublicParameters, type RandomBytes, SUITE } from "./suite.ts";
import { shareKeys } from "./symmetric/owner.ts";
import { tagOf } from "./tag.ts";

/** The master key of one tenant and epoch: everything secret, as byte strings. */
export type Master = RsaMaster | P256Master | HmacMaster | PkiMaster;

/** What {@link generateMaster} takes: only `rsa` has sizes, and a search to tell of. */
export type MasterOptions =
  | ({ readonly suite: "rsa" } & GenerateOptions)
  | { readonly suite: Exclude<Master["suite"], "rsa">; readonly random: RandomBytes };

/**
 * IGen: a new master key. With suite `rsa` it searches four safe primes on the thread pool: about 5 s for
 * 2,048 bits, 30 s for 3,072 and some minutes for 4,096 on two cores, and luck decides. `onProgress` is
 * told of each prime. Throws STOPPED after an abort, at once; the search itself runs out in the
 * background. The other suites' keys are there at once.
 */
export async function generateMaster(options: MasterOptions): Promise<Master> {
  switch (options.suite) {
    case "rsa":
      return await generateRsaMaster(options);
    case "p256":
      return generateP256Master(options.random);
    case "hmac":
      return generateHmacMaster(options.random);
    case "pki":
      return generatePkiMaster(options.random);
  }
}

/** What everybody may know of a master key. Throws BAD_ARGUMENT for a key that the suite does not allow. */
export function publicParameters(master: Master, options: ModulusOptions = {}): PublicParameters {
  switch (master.suite) {
    case "rsa":
      return rsaPublicParameters(master, options);
    case "p256":
      return p256PublicParameters(master);
    case "hmac":
    case "pki":
      return { suite: master.suite };
  }
}

/** What {@link splitHalves} takes. */
export interface SplitInput extends ModulusOptions {
  readonly master: Master;
  readonly random: RandomBytes;
  readonly consumer: boolean;
}

/**
 * UGen: the halves of one client. Record halves are made only for a `consumer`. With `rsa` about 10 ms for
 * each pair at 3,072 bits. Never give both sides to one party.
 */
export function splitHalves(input: SplitInput): { client: Halves; proxy: Halves } {
  const { master } = input;
  switch (master.suite) {
    case "rsa":
      return splitRsa({ ...input, master });
    case "p256":
      return splitP256({ ...input, master });
    case "hmac":
      return splitHmac({ ...input, master });
    case "pki":
      return splitPki({ ...input, master });
  }
}

/**
 * The client's side of halves that were split before, from the bridge's side: the owner keeps only that, and can
 * still hand a client its halves again. With `rsa` about 5 ms for each half at 3,072 bits. Throws BAD_ARGUMENT for
 * halves that are none.
 */
export function clientHalvesOf(
  input: { readonly master: Master; readonly proxy: Halves } & ModulusOptions,
): Halves {
  const { master, proxy } = input;
  switch (master.suite) {
    case "rsa":
      return rsaClientHalves({ ...input, master });
    case "p256":
      return p256ClientHalves({ master, proxy });
    case "hmac":
    case "pki":
      return shareKeys({ ...master, consumer: proxy.record !== undefined }).client;
  }
}

/** What {@link ownerTag} takes: a topic of a tenant and epoch. */
export interface TagInput extends ModulusOptions {
  readonly master: Master;
  readonly realm: Realm;
  readonly topic: string;
}

/** The 32-byte tag of a topic: what a grant names, computed without the bridge seeing the topic. */
export function ownerTag(input: TagInput): Buffer {
  return tagOf(SUITE[input.master.suite], input.realm, canonical(input));
}

function canonical(input: TagInput): Buffer {
  const { master } = input;
  switch (master.suite) {
    case "rsa":
      return rsaCanonical({ ...input, master });
    case "p256":
      return p256Canonical({ ...input, master });
    case "hmac":
      return hmacCanonical({ ...input, master });
    case "pki":
      return pkiCanonical({ ...input, master });
  }
}

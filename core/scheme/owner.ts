/** Owner-side entry of the scheme: master keys, halves and tags (PROTOCOL.md §2). Offline. */
import type { ModulusOptions } from "./rsa/modulus.ts";
import {
  type CanonicalInput,
  type GenerateOptions,
  generateRsaMaster,
  type RsaMaster,
  rsaCanonical,
  rsaPublicParameters,
  type SplitInput,
  splitRecordKey,
  splitTagKey,
} from "./rsa/owner.ts";
import { type Halves, type PublicParameters, SUITE } from "./suite.ts";
import { tagOf } from "./tag.ts";

/** The master key of one tenant and epoch: everything secret, as byte strings. */
export type Master = RsaMaster;

/**
 * IGen: a new master key. With suite `rsa` it searches four safe primes on the thread pool: about
 * 5 s for 2,048 bits, 30 s for 3,072 and some minutes for 4,096 on two cores, and luck decides. `onProgress` is told of each prime. Throws STOPPED after an abort, at once; the search
 * itself runs out in the background.
 */
export async function generateMaster(
  options: GenerateOptions & { readonly suite: "rsa" },
): Promise<Master> {
  return await generateRsaMaster(options);
}

/** What everybody may know of a master key. Throws BAD_ARGUMENT for a key that the suite does not allow. */
export function publicParameters(master: Master, options: ModulusOptions = {}): PublicParameters {
  return rsaPublicParameters(master, options);
}

/**
 * UGen: the halves of one client. Record halves are made only for a `consumer`. About 10 ms for each
 * pair at 3,072 bits. Never give both sides to one party.
 */
export function splitHalves(input: SplitInput & { readonly consumer: boolean }): {
  client: Halves;
  proxy: Halves;
} {
  const tag = splitTagKey(input);
  if (!input.consumer) return { client: { tag: tag.client }, proxy: { tag: tag.proxy } };
  const record = splitRecordKey(input);
  return {
    client: { tag: tag.client, record: record.client },
    proxy: { tag: tag.proxy, record: record.proxy },
  };
}

/** The 32-byte tag of a topic: what a grant names, computed without the bridge seeing the topic. */
export function ownerTag(input: CanonicalInput): Buffer {
  return tagOf(SUITE.rsa, input.realm, rsaCanonical(input));
}

/**
 * Owner-side of suite `hmac` (PROTOCOL.md §2.4):
 *
 *   IGen   K_c, K_s of 32 random bytes, independent
 *   UGen   every client gets K_c, the bridge K_s
 *   tag    C = HMAC(K_s, … ‖ HMAC(K_c, … ‖ ctx(tenant, epoch, topic)))
 *
 * One client that leaks K_c leaks it for all until the next epoch: the suite is for one organisation.
 */
import type { Realm } from "../context.ts";
import type { Halves, RandomBytes } from "../suite.ts";
import { acceptKey } from "../symmetric/key.ts";
import { generateKey, shareKeys } from "../symmetric/owner.ts";
import { clientMac, proxyMac } from "./macs.ts";

/** The master key of a tenant and epoch: two keys of 32 bytes. */
export interface HmacMaster {
  readonly suite: "hmac";
  /** K_c, the clients'. */
  readonly sharedKey: Buffer;
  /** K_s, the bridge's. */
  readonly proxyKey: Buffer;
}

/** IGen. */
export function generateHmacMaster(random: RandomBytes): HmacMaster {
  return { suite: "hmac", sharedKey: generateKey(random), proxyKey: generateKey(random) };
}

/** UGen. Throws BAD_ARGUMENT for a master key outside §2.4. */
export function splitHmac(input: { readonly master: HmacMaster; readonly consumer: boolean }): {
  client: Halves;
  proxy: Halves;
} {
  return shareKeys({ ...input.master, consumer: input.consumer });
}

/** The canonical value C of a topic, 32 bytes. Throws BAD_ARGUMENT for a master key outside §2.4. */
export function hmacCanonical(input: {
  readonly master: HmacMaster;
  readonly realm: Realm;
  readonly topic: string;
}): Buffer {
  const { master, realm, topic } = input;
  return proxyMac(acceptKey(master.proxyKey), clientMac(acceptKey(master.sharedKey), realm, topic));
}

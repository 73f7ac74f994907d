/**
 * Owner-side of suite `pki` (PROTOCOL.md §2.4):
 *
 *   IGen   K_org, K_s of 32 random bytes, independent
 *   UGen   every client gets K_org, the bridge K_s; the consumers' public keys it has from their documents
 *   tag    C = HMAC(K_s, … ‖ HMAC(K_org, … ‖ ctx(tenant, epoch, topic)))
 *
 * The signature binds a trapdoor to a consumer, it hides nothing: as with `hmac`, one client that leaks
 * K_org leaks it for all until the next epoch.
 */
import type { Realm } from "../context.ts";
import type { Halves, RandomBytes } from "../suite.ts";
import { acceptKey } from "../symmetric/key.ts";
import { generateKey, shareKeys } from "../symmetric/owner.ts";
import { proxyMac, topicMac } from "./macs.ts";

/** The master key of a tenant and epoch: two keys of 32 bytes. */
export interface PkiMaster {
  readonly suite: "pki";
  /** K_org, the clients'. */
  readonly sharedKey: Buffer;
  /** K_s, the bridge's. */
  readonly proxyKey: Buffer;
}

/** IGen. */
export function generatePkiMaster(random: RandomBytes): PkiMaster {
  return { suite: "pki", sharedKey: generateKey(random), proxyKey: generateKey(random) };
}

/** UGen. Throws BAD_ARGUMENT for a master key outside §2.4. */
export function splitPki(input: { readonly master: PkiMaster; readonly consumer: boolean }): {
  client: Halves;
  proxy: Halves;
} {
  return shareKeys({ ...input.master, consumer: input.consumer });
}

/** The canonical value C of a topic, 32 bytes. Throws BAD_ARGUMENT for a master key outside §2.4. */
export function pkiCanonical(input: {
  readonly master: PkiMaster;
  readonly realm: Realm;
  readonly topic: string;
}): Buffer {
  const { master, realm, topic } = input;
  return proxyMac(acceptKey(master.proxyKey), topicMac(acceptKey(master.sharedKey), realm, topic));
}

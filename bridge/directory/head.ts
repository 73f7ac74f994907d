/** Opening a tenant's head (PROTOCOL.md §4): the epochs in force, and K_b under the bridge's age identity. */
import type { KeyObject } from "node:crypto";
import { Decrypter } from "age-encryption";
import { VeilError } from "../../core/errors.ts";
import { lp } from "../../core/scheme/bytes.ts";
import { headPath, headSchema } from "../../core/wire/directory.ts";
import { openDocument } from "../../core/wire/document.ts";
import { BRIDGE_KEY_BYTES, InternalStore } from "../../core/wire/store.ts";
import type { Tenant } from "./types.ts";
import { digestOf, type Version } from "./version.ts";

export interface OpenedHead extends Version {
  readonly tenant: Tenant;
}

/**
 * Opens a head with the bridge's age identities. Throws BAD_DOCUMENT where the KMS did not sign it for this tenant,
 * or its key is sealed to another bridge or belongs to another tenant.
 */
export async function openHead(
  tenant: string,
  document: Buffer,
  keys: { readonly kmsPublicKey: KeyObject; readonly identities: readonly string[] },
): Promise<OpenedHead> {
  const path = headPath(tenant);
  const { kmsPublicKey, identities } = keys;
  const head = openDocument("head", path, document, { kmsPublicKey, schema: headSchema });
  if (head.tenant !== tenant)
    throw new VeilError("BAD_DOCUMENT", "the head speaks of another tenant");
  const bridgeKey = await openBridgeKey(tenant, head.sealed, identities);
  return {
    path,
    serial: head.serial,
    digest: digestOf(document),
    tenant: {
      name: tenant,
      epochs: new Map(head.epochs.map((epoch) => [epoch.epoch, epoch])),
      kafka: head.kafka,
      bridgeKey,
      store: new InternalStore(bridgeKey),
    },
  };
}

/** `lp(tenant) ‖ K_b` from an age file: the tenant inside keeps a KMS from presenting another one's key. */
async function openBridgeKey(
  tenant: string,
  sealed: Uint8Array,
  identities: readonly string[],
): Promise<Buffer> {
  const age = new Decrypter();
  for (const identity of identities) age.addIdentity(identity);
  let plain: Uint8Array;
  try {
    plain = await age.decrypt(sealed);
  } catch {
    throw new VeilError("BAD_DOCUMENT", "the head's key is not sealed to this bridge's identity");
  }
  const name = lp(tenant);
  const opened = Buffer.from(plain);
  if (
    opened.length !== name.length + BRIDGE_KEY_BYTES ||
    !opened.subarray(0, name.length).equals(name)
  )
    throw new VeilError("BAD_DOCUMENT", "the head's key is not this tenant's");
  return opened.subarray(name.length);
}

/** The heads that a bridge of this configuration would serve: what their owners want of Kafka. */
import { isVeilError } from "../../core/errors.ts";
import type { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";
import { headPath } from "../../core/wire/directory.ts";
import { importPublicKey } from "../../core/wire/keys.ts";
import type { BridgeConfig } from "../config.ts";
import { openHead } from "../directory/head.ts";
import { readIdentities } from "../directory/identity.ts";
import type { Tenant } from "../directory/types.ts";

/** `null` where one is missing or cannot be opened: other findings say so. */
export async function readHeads(
  { tenants, identityFile }: Pick<BridgeConfig, "tenants" | "identityFile">,
  zookeeper: Pick<ZooKeeper, "get">,
): Promise<readonly Tenant[] | null> {
  try {
    const identities = await readIdentities(identityFile);
    const opened: Tenant[] = [];
    for (const { name, kmsPublicKey } of tenants) {
      const node = await zookeeper.get(headPath(name));
      if (!node) return null;
      const keys = { kmsPublicKey: importPublicKey(kmsPublicKey), identities };
      opened.push((await openHead(name, node.data, keys)).tenant);
    }
    return opened;
  } catch (error) {
    if (isVeilError(error)) return null;
    throw error;
  }
}

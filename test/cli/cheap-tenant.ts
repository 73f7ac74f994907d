/** Tenants whose passphrase is cheap to check: at its real price every transcript takes a second of the processor. */
import { readFile } from "node:fs/promises";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { replaceSecretFile } from "../../core/runtime/files.ts";
import { openUnderPassphrase, sealUnderPassphrase } from "../../kms/age.ts";
import { initTenant } from "../../kms/init.ts";
import { Layout } from "../../kms/layout.ts";
import type { TenantOptions } from "../../kms/tenant.ts";
import { CHEAP_SCRYPT, quick } from "../kms/fixture.ts";

/** What `kms init --suite p256` makes. */
export async function initCheaply(options: TenantOptions): Promise<void> {
  const recipients = [await identityToRecipient(await generateX25519Identity())];
  await initTenant({ ...quick("p256"), suite: "p256", ...options, recipients });
}

/** The same keys under the same passphrase. */
export async function makeCheap({ dir, tenant, passphrase }: TenantOptions): Promise<void> {
  const { master } = new Layout(dir, tenant);
  const plain = await openUnderPassphrase(await readFile(master), passphrase);
  await replaceSecretFile(master, await sealUnderPassphrase(plain, passphrase, CHEAP_SCRYPT));
}

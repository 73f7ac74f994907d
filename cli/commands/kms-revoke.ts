/** `veilmq kms revoke`. */
import type { Command } from "commander";
import { printJson, printLine } from "../messages.ts";
import {
  addPostOptions,
  addTenantOptions,
  type PostFlags,
  postIfAsked,
  type TenantFlags,
  tenantOf,
} from "../tenant-options.ts";

export function addRevoke(kms: Command): void {
  const command = kms
    .command("revoke")
    .description("cut a client off")
    .argument("<client>", "its name");
  addPostOptions(addTenantOptions(command))
    .addHelpText(
      "after",
      `
It takes effect within a second of a bridge having the document. What the client published stays readable for others.
A consumer also has a login at Kafka: have the operator end that too. Enrolling the client --again lets it back in.

Examples:
  veilmq kms revoke pi-01 --bridge https://bridge:8443 --bridge-ca ca.pem
  veilmq kms revoke pi-01 && veilmq bridge import kms/acme/documents/*-revoke-pi-01.json --bridge https://bridge:8443`,
    )
    .action(revokeClient);
}

async function revokeClient(client: string, flags: TenantFlags & PostFlags): Promise<void> {
  const { withTenant } = await import("../../kms/tenant.ts");
  const { revoke } = await import("../../kms/revoke.ts");
  const revoked = await withTenant(await tenantOf(flags), (tenant) => revoke(tenant, client));
  if (flags.json) printJson(revoked);
  else {
    printLine(`${client} ${revoked.again ? "revoked again" : "revoked"}: serial ${revoked.serial}`);
    printLine(`documents: ${revoked.bundle}`);
  }
  await postIfAsked(flags, revoked.bundle);
}

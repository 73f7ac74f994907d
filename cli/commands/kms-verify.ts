/** `veilmq kms verify`. */
import type { Command } from "commander";
import { VeilError } from "../../core/errors.ts";
import type { Verified } from "../../kms/verify/verify.ts";
import { printJson, printLine, printNote } from "../messages.ts";
import { addTenantOptions, type TenantFlags, tenantOf } from "../tenant-options.ts";
import { fleetProgress } from "./kms-progress.ts";

export function addVerify(kms: Command): void {
  const command = kms
    .command("verify")
    .description("whether the owner's folder is as the commands left it, byte for byte");
  addTenantOptions(command)
    .addHelpText(
      "after",
      `
The audit log has a chain of MACs that nobody without the passphrase can make. Everything else is held against it: the
owner's own files, every document with its signature and its place, every credential that is still here, the serials.
What was changed, put back or taken away is named, a line each on stdout, and the exit code is 1. So is a command that
was cut off before its documents were written: repeat it.

One thing it cannot see: the whole folder put back to an earlier day. Bridges see that, and refuse its documents.

Examples:
  veilmq kms verify
  veilmq kms verify --json | jq -r '.problems[].path'`,
    )
    .action(verify);
}

async function verify(flags: TenantFlags): Promise<void> {
  const { withUnverified } = await import("../../kms/tenant.ts");
  const { verifyTenant } = await import("../../kms/verify/verify.ts");
  const progress = fleetProgress("verifying files");
  const verified = await withUnverified(await tenantOf(flags), (tenant) =>
    verifyTenant(tenant, progress.onProgress),
  ).finally(progress.stop);
  const { problems, notes } = verified;
  if (flags.json) printJson({ ok: problems.length === 0, ...verified });
  else {
    for (const { path, what } of problems) printLine(`${path}: ${what}`);
    for (const { path, what } of notes) printNote(`note: ${path || "."}: ${what}`);
  }
  if (problems.length > 0)
    throw new VeilError("BAD_DOCUMENT", `${problems.length} of the folder's files are not right`, {
      hint: "what was changed comes back from a backup: veilmq kms restore FILE --dir elsewhere, and compare",
    });
  if (!flags.json) printLine(summary(verified));
}

function summary({ auditLines, clients, documents, bundles, credentials }: Verified): string {
  return `all is well: ${auditLines} lines of the audit log, ${clients} clients, ${documents} documents in ${bundles} files, ${credentials} credentials`;
}

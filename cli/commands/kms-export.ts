/** `veilmq kms export`. */
import type { Command } from "commander";
import { printJson, printLine } from "../messages.ts";
import { addTenantOptions, type TenantFlags, tenantOf } from "../tenant-options.ts";
import { fleetProgress } from "./kms-progress.ts";

interface ExportFlags extends TenantFlags {
  readonly backupPassphraseFile?: string;
}

export function addExport(kms: Command): void {
  const command = kms
    .command("export")
    .description("a sealed backup of everything, in one file")
    .argument("<file>", "where it goes; it must not exist")
    .option("--backup-passphrase-file <file>", "read the backup's own passphrase there");
  addTenantOptions(command)
    .addHelpText(
      "after",
      `
The backup has a passphrase of its own, so that it can lie with somebody who must not open the tenant: the keys inside
are still sealed under the tenant's. Both are needed to restore; keep them apart from the file and from each other.
The folder is verified first. Make one after every change that you could not make again.

It is an age file with a tar archive inside: \`age -d acme.backup | tar x\` opens it without veilmq.

Examples:
  veilmq kms export acme-2026-11-22.backup
  veilmq kms export /media/usb/acme.backup --passphrase-file pass.txt --backup-passphrase-file backup-pass.txt`,
    )
    .action(exportFolder);
}

async function exportFolder(path: string, flags: ExportFlags): Promise<void> {
  const { choosePassphrase } = await import("../passphrase.ts");
  const { withTenant } = await import("../../kms/tenant.ts");
  const { exportTenant } = await import("../../kms/backup/export.ts");
  const options = await tenantOf(flags);
  const question = "New passphrase for the backup: ";
  const backupPassphrase = await choosePassphrase(flags.backupPassphraseFile, question);
  const progress = fleetProgress("packing files");
  const { onProgress } = progress;
  const exported = await withTenant(options, (tenant) =>
    exportTenant(tenant, { path, backupPassphrase, onProgress }),
  ).finally(progress.stop);
  if (flags.json) printJson(exported);
  else {
    const { files, bytes, serial } = exported;
    printLine(
      `${path}: ${files} files of ${exported.tenant}, ${bytes} bytes, up to serial ${serial}`,
    );
  }
}

/** `veilmq kms restore`. */
import type { Command } from "commander";
import { printHint, printJson, printLine, printNote } from "../messages.ts";
import { addOwnerOptions, type OwnerFlags, serialOption } from "../tenant-options.ts";
import { fleetProgress } from "./kms-progress.ts";

interface RestoreFlags extends OwnerFlags {
  readonly backupPassphraseFile?: string;
  readonly serialAbove?: number;
}

export function addRestore(kms: Command): void {
  const command = kms
    .command("restore")
    .description("the owner's folder from a backup")
    .argument("<file>", "what `kms export` made")
    .option("--backup-passphrase-file <file>", "read the backup's own passphrase there")
    .option(
      "--serial-above <n>",
      "a serial that no document of the tenant has reached, where the clock cannot tell",
      serialOption,
    );
  addOwnerOptions(command)
    .addHelpText(
      "after",
      `
Into --dir, where the tenant must not be. Everything is verified before its folder appears.

Bridges refuse what is not above the serials they have seen, and nobody here knows how far those went after the backup.
So serials go on far above: at the milliseconds since 2026. For that this machine's clock has to be right.

What was done after the backup is not in it: who was revoked since is active in the restored list, and a change to
that client would let it back in. Compare with the operator before the first change, and revoke again. The folder
that was backed up must not be used any more.

Examples:
  veilmq kms restore acme-2026-11-22.backup --dir ./kms
  veilmq kms restore acme.backup --dir elsewhere && veilmq kms verify --dir elsewhere`,
    )
    .action(restore);
}

async function restore(path: string, flags: RestoreFlags): Promise<void> {
  const { readPassphrase } = await import("../passphrase.ts");
  const { restoreTenant } = await import("../../kms/backup/restore.ts");
  const backupPassphrase = await readPassphrase(
    flags.backupPassphraseFile,
    "Passphrase of the backup: ",
  );
  const passphrase = await readPassphrase(flags.passphraseFile, "Passphrase of the tenant: ");
  const progress = fleetProgress("unpacking files");
  const { onProgress } = progress;
  const { dir, serialAbove } = flags;
  const restored = await restoreTenant({
    path,
    dir,
    backupPassphrase,
    passphrase,
    serialAbove,
    onProgress,
  }).finally(progress.stop);
  if (flags.json) printJson(restored);
  else {
    printLine(`tenant ${restored.tenant}: ${restored.clients} clients, in ${restored.folder}`);
    printLine(
      `serials go on above ${restored.serial}; the backup knew of ${restored.serialInBackup}`,
    );
  }
  const madeAt = new Date(restored.backedUpAtMs).toISOString();
  printNote(`what was done after ${madeAt} is not in it: who was revoked since is active here`);
  printHint(
    "compare `kms list` with the operator before the first change; use the old folder no more",
  );
}
